"""Where a request goes instead: after a redirect, or to the other prefix of the API.

`/api/environments/` gives way to `/api/projects/` (docs/server.md, prefixes): a server announces it
with a `Deprecation` header, redirects with 307, or answers 404 "Endpoint not found.".
"""

import warnings
from enum import Enum
from typing import Literal

from yarl import URL

from posthog_env_async.errors import ENDPOINT_NOT_FOUND, APIDeprecationWarning, redacted

from .address import Address
from .request import READS, Request
from .response import Response

__all__ = [
    "MAX_HOPS",
    "EnvironmentsState",
    "Prefix",
    "changed_state",
    "chosen_prefix",
    "next_url",
    "request_url",
    "warn_of_the_end",
]

Prefix = Literal["auto", "environments", "projects"]

MAX_HOPS = 4
MOVED = frozenset({301, 302, 307, 308})
KEEPS_METHOD = frozenset({307, 308})
NOT_HERE = ENDPOINT_NOT_FOUND.encode()


class EnvironmentsState(Enum):
    """What the server said about `/api/environments/`."""

    SERVED = "nothing"
    DEPRECATED = "it will end"
    GONE = "it gave way to projects"


def chosen_prefix(prefix: Prefix, state: EnvironmentsState) -> Literal["environments", "projects"]:
    """Return the prefix to use: `auto` leaves `environments` as soon as its end is announced."""
    if prefix == "projects" or state is EnvironmentsState.GONE:
        return "projects"
    is_deprecated = state is EnvironmentsState.DEPRECATED
    return "projects" if prefix == "auto" and is_deprecated else "environments"


def request_url(address: Address, request: Request, prefix: str) -> URL:
    """Return where a request goes."""
    project = "" if request.project is None else f"{prefix}/{request.project}/"
    path = f"{address.base_path}/api/{project}{request.path}"
    url = address.origin.with_path(path, encoded=True)
    return url.with_query(request.params) if request.params else url


def next_url(address: Address, request: Request, url: URL, response: Response) -> URL | None:
    """Return where to send the request instead; `None` when the response is the answer."""
    if response.status in MOVED:
        if response.status not in KEEPS_METHOD and request.method not in READS:
            return None
        return address.own(response.headers.get("Location") or "", url)
    if request.project is not None and _is_missing(response) and _is_below(url, "environments"):
        return request_url(address, request, "projects")
    return None


def changed_state(first: URL, url: URL, response: Response) -> EnvironmentsState | None:
    """Return what the response at `url` says about the prefix that was asked for first, if any."""
    if not _is_below(first, "environments"):
        return None
    if _is_below(url, "projects"):
        return None if _is_missing(response) else EnvironmentsState.GONE
    return EnvironmentsState.DEPRECATED if response.is_deprecated else None


def warn_of_the_end(prefix: Prefix, url: URL, response: Response) -> bool:
    """Warn that the server will end what was asked; false where `auto` leaves it by itself."""
    is_environments = _is_below(url, "environments")
    if is_environments and prefix == "auto":
        return False
    until = redacted(response.headers.get("Sunset", "a date it does not say"))
    what = "/api/environments/" if is_environments else "an endpoint that was asked"
    advice = "; use PostHogEnv(…, prefix='auto')" if is_environments else ""
    warnings.warn(
        f"the server deprecates {what} and may end it on {until}{advice}",
        APIDeprecationWarning,
        stacklevel=2,
    )
    return True


def _is_missing(response: Response) -> bool:
    return response.status == 404 and NOT_HERE in response.body


def _is_below(url: URL, prefix: str) -> bool:
    return f"/api/{prefix}/" in url.raw_path
