"""One request, described before anything is sent."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from posthog_env_async.errors import MissingScopeError

from .backoff import RetrySafety

if TYPE_CHECKING:
    from attrs import frozen
else:  # there is a request for each call, and what is frozen takes three times as long to make
    from attrs import define as frozen

__all__ = ["METHODS", "Request", "RequestCounter", "Scopes", "require_scopes"]

Scopes = Sequence[str | tuple[str, ...]]
"""Scopes that a call needs, all of them; a tuple is a choice."""


READS = frozenset({"GET", "HEAD"})
IDEMPOTENT = READS | {"PUT", "DELETE"}
METHODS = IDEMPOTENT | {"POST", "PATCH"}
# fmt: off
ACTIONS = frozenset({
    "@current", "activity", "attributes", "batch_by_distinct_ids", "batch_by_uuids",
    "bulk_delete", "cohorts", "count", "create_and_query_insight", "deletion_status",
    "delete_property", "funnel", "has_logs", "home_folder", "persons", "properties_at_time",
    "query", "services", "sparkline", "split", "update_property", "values",
})
# fmt: on
_NOUN = re.compile(r"[a-z_]{1,40}")


@attrs.define
class RequestCounter:
    """What went over the wire for somebody; `lost` are attempts whose outcome nobody knows."""

    requests: int = 0
    retries: int = 0
    lost: int = 0


@frozen(kw_only=True)
class Request:
    """What to ask for: everything that all attempts of one request have in common.

    `path` is quoted, ends with `/` and is below the project, or below `/api/` where `project` is
    `None`. One that `can_be_split` is not retried as it is where less at once may do; `counter` is
    the caller's own; of an error answer no more than `error_bytes` are read. `params` and `json`
    are kept out of the repr: they may hold personal values.
    """

    method: str = "GET"
    path: str
    project: str | None = None
    params: Mapping[str, str] = attrs.field(default={}, repr=False)
    json: Any = attrs.field(default=None, repr=False)
    scope: Scopes = ()
    budget: str = "default"
    retry: RetrySafety | None = None
    accept: str = "application/json"
    availability: str = ""
    timeout: float | None = None
    can_be_split: bool = False
    error_bytes: int = 64 << 10
    counter: RequestCounter | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def retry_safety(self) -> RetrySafety:
        """How the call may be sent again; by its method unless said otherwise."""
        return self.retry or (RetrySafety.SAFE if self.method in IDEMPOTENT else RetrySafety.UNSENT)

    def route(self, prefix: str) -> str:
        """Return the path as a template: the noun and known actions, `{id}` for all the rest."""
        noun, *rest = self.path.strip("/").split("/")
        parts = [noun if _NOUN.fullmatch(noun) else "{id}"]
        parts += [part if part in ACTIONS else "{id}" for part in rest]
        below = "/api/" if self.project is None else f"/api/{prefix}/{{project_id}}/"
        return f"{below}{'/'.join(parts)}/"


def require_scopes(
    needed: Scopes, granted: Iterable[str], *, method: str = "", url: str = ""
) -> None:
    """Check that a key's scopes allow a call; write implies read, `*` is all.

    Raises:
        MissingScopeError: naming the first scope that is missing; nothing was sent.
    """
    scopes = frozenset(granted)
    for choice in needed:
        names = (choice,) if isinstance(choice, str) else choice
        if not any(_allows(scopes, name) for name in names):
            raise MissingScopeError(
                f"the key lacks the scope {' or '.join(names)}; add it to the key in PostHog's"
                " settings (nothing was sent)",
                scope=names[0],
                code="permission_denied",
                detail=f"API key missing required scope '{names[0]}'",
                method=method,
                url=url,
                attempts=0,
                sent=False,
            )


def _allows(scopes: frozenset[str], scope: str) -> bool:
    wanted, _, action = scope.partition(":")
    return bool({"*", scope} & scopes or (action == "read" and f"{wanted}:write" in scopes))
