"""A client's settings, checked before anything is opened."""

import re
import ssl as tls
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, Literal, get_args

from multidict import CIMultiDict

from posthog_env_async._version import __version__
from posthog_env_async.errors import ConfigurationError

from .address import Address
from .api_key import APIKey
from .limits import CLOUD_LIMITS, Limit, Limits, as_limits
from .redirects import Prefix

__all__ = [
    "check_settings",
    "check_timeout",
    "checked_headers",
    "checked_prefix",
    "limits_for",
    "request_headers",
]

USER_AGENT = f"posthog-env-async/{__version__}"
# Whatever could carry or displace the key, or say where a request or its body ends.
# fmt: off
REFUSED = frozenset({
    "accept-encoding", "authorization", "connection", "content-encoding", "content-length",
    "content-type", "cookie", "expect", "forwarded", "host", "http2-settings", "keep-alive",
    "origin", "proxy-authenticate", "proxy-authorization", "proxy-connection", "range", "te",
    "trailer", "transfer-encoding", "upgrade", "x-http-method-override",
})
# fmt: on

_KEY = re.compile(r"\bph[a-z]_\w")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")


def check_settings(*, timeout: float, ssl: object, observer: object, **counts: int) -> None:
    """Check settings of a client.

    Raises:
        ConfigurationError: naming the first that cannot work.
    """
    check_timeout(timeout)
    for name, count in counts.items():
        if count < 1:
            raise ConfigurationError(f"{name} must be 1 or more")
    if observer is not None and (not callable(observer) or iscoroutinefunction(observer)):
        raise ConfigurationError("observer must be a function that is not async")
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise ConfigurationError(
            "ssl must be an ssl.SSLContext that trusts your server's certificate"
        )


def check_timeout(timeout: float) -> None:
    """Check a timeout.

    Raises:
        ConfigurationError: unless it is more than 0 seconds.
    """
    if not timeout > 0:
        raise ConfigurationError("timeout must be more than 0 seconds")


def checked_prefix(prefix: str) -> Prefix:
    """Return a prefix.

    Raises:
        ConfigurationError: when there is no such one.
    """
    for known in get_args(Prefix):
        if prefix == known:
            checked: Prefix = known
            return checked
    raise ConfigurationError("prefix must be 'auto', 'environments' or 'projects'")


def checked_headers(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return extra headers for every request.

    Raises:
        ConfigurationError: for one that could carry or displace the key or break framing, and for
            names and values that HTTP does not allow; names it, without its value.
    """
    checked = CIMultiDict[str]()
    items: Any = (headers or {}).items()
    for name, value in items:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError("a header's name is letters, digits and '-', without blanks")
        if name.lower() in REFUSED:
            raise ConfigurationError(f"the header {name} is set by the client alone")
        if isinstance(value, str) and _KEY.search(value):
            raise ConfigurationError(f"the header {name} holds a key: give it as api_key")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ConfigurationError(
                f"the value of the header {name} must be text in ASCII without line ends, control"
                " characters or blanks around"
            )
        checked[name] = value
    return checked


def request_headers(
    key: APIKey, accept: str, has_body: bool, extra: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the headers of a request."""
    headers = CIMultiDict({"Accept": accept, "User-Agent": USER_AGENT})
    headers.update(extra)
    headers.update({"Authorization": key.header(), "Accept-Encoding": "gzip"})
    if has_body:
        headers["Content-Type"] = "application/json"
    return headers


def limits_for(
    address: Address, limits: Limits | Sequence[Limit] | Literal["auto"] | None
) -> Limits:
    """Return limits as budgets; `"auto"` is what Cloud publishes, and none elsewhere."""
    if limits == "auto":
        return CLOUD_LIMITS if address.is_cloud else as_limits(None)
    return as_limits(limits)
