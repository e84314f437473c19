"""One request, described before anything is sent."""

from collections.abc import Mapping
from typing import Any

import attrs

from posthog_env_async.errors import ConfigurationError

from .api_key import Scopes
from .backoff import RetrySafety

__all__ = ["Request", "RequestCounter", "query_text"]

READS = frozenset({"GET", "HEAD"})
IDEMPOTENT = READS | {"PUT", "DELETE"}
METHODS = IDEMPOTENT | {"POST", "PATCH"}


@attrs.define
class RequestCounter:
    """What went over the wire for somebody; `lost` are attempts whose outcome nobody knows."""

    requests: int = 0
    retries: int = 0
    lost: int = 0


@attrs.frozen(kw_only=True)
class Request:
    """What to ask for: everything that all attempts of one request have in common.

    `path` is quoted, ends with `/` and is below the project, or below `/api/` where `project` is
    `None`. A `shrinkable` call is not repeated as it is when less at once may do; `meter` is the
    caller's own count. `params` and `json` are kept out of the repr: they may hold personal values.
    """

    method: str = "GET"
    path: str
    project: str | None = None
    params: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    json: Any = attrs.field(default=None, repr=False)
    scope: Scopes = ()
    budget: str = "default"
    repeat: RetrySafety | None = None
    accept: str = "application/json"
    availability: str = ""
    timeout: float | None = None
    shrinkable: bool = False
    meter: RequestCounter | None = attrs.field(default=None, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigurationError(f"method must be one of {', '.join(sorted(METHODS))}")

    @property
    def repeats(self) -> RetrySafety:
        """How the call may be sent again; by its method unless said otherwise."""
        return self.repeat or (
            RetrySafety.SAFE if self.method in IDEMPOTENT else RetrySafety.UNSENT
        )


def query_text(params: Mapping[str, Any] | None) -> dict[str, str]:
    """Return query parameters as texts, without those that are `None`."""
    written = {name: _text(value) for name, value in (params or {}).items() if value is not None}
    for name in ("personal_api_key", "token", "api_key"):
        if name in written:
            raise ConfigurationError(f"no {name} in the query: the key goes in a header only")
    for name, text in written.items():
        if any("\ud800" <= letter <= "\udfff" for letter in f"{name}{text}"):
            raise ConfigurationError("a query parameter holds half a character (a lone surrogate)")
    return written


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
