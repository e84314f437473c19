"""How many requests may go out: the policies, and what the session asks of a limiter."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from posthog_env_async.errors import ConfigurationError, RateLimitError

__all__ = [
    "BUDGETS",
    "CLOUD_LIMITS",
    "MAX_BLOCK",
    "Limit",
    "Limiter",
    "Limits",
    "Permit",
    "as_limits",
    "describe",
    "over_limit",
]

BUDGETS = ("persons", "max_tools", "default")
MAX_BLOCK = 86_400.0
"""How many seconds one answer may keep a budget from sending."""


@attrs.frozen
class Limit:
    """At most `requests` in any `seconds`.

    Attributes:
        requests: how many requests the server takes in a window.
        seconds: how long the window is.
    """

    requests: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        if self.requests < 1 or not self.seconds > 0:
            raise ConfigurationError("a Limit has at least one request and more than 0 seconds")


def _limit_tuple(limits: Sequence[Limit] | None) -> tuple[Limit, ...] | None:
    return None if limits is None else tuple(limits)


@attrs.frozen(kw_only=True)
class Limits:
    """One budget for each group of endpoints; within a budget all windows apply at once.

    A group that is left out shares the budget of `default`; an empty one is not limited.

    Attributes:
        persons: everything below `persons/`.
        max_tools: questions to PostHog's AI.
        default: everything else.
    """

    persons: Sequence[Limit] | None = attrs.field(default=None, converter=_limit_tuple)
    max_tools: Sequence[Limit] | None = attrs.field(default=None, converter=_limit_tuple)
    default: Sequence[Limit] | None = attrs.field(default=(), converter=_limit_tuple)

    def budget(self, group: str) -> str:
        """Return the name of the budget that a group of endpoints draws on."""
        return "default" if getattr(self, group, None) is None else group

    def of(self, group: str) -> tuple[Limit, ...]:
        """Return the windows of a group's budget."""
        return tuple(getattr(self, self.budget(group)) or ())


CLOUD_LIMITS = Limits(
    persons=(Limit(240, 60.0),),
    max_tools=(Limit(10, 60.0), Limit(100, 86_400.0)),
    default=(Limit(480, 60.0), Limit(4800, 3600.0)),
)
"""What PostHog Cloud publishes for a personal API key (docs/server.md, throttles)."""


def as_limits(limits: "Limits | Sequence[Limit] | None") -> Limits:
    """Return `limits` as budgets; a sequence is one budget for every request."""
    if isinstance(limits, Limits):
        return limits
    return Limits(default=limits or ())


def describe(limits: Limits) -> str:
    """Say which limits apply, such as `persons 240 in 60 s; default none`."""
    names = dict.fromkeys(limits.budget(group) for group in BUDGETS)
    return "; ".join(f"{name} {_windows(limits.of(name))}" for name in names)


def _windows(windows: Sequence[Limit]) -> str:
    texts = [f"{limit.requests} in {limit.seconds:g} s" for limit in windows]
    return " and ".join(texts) or "none"


def over_limit(budget: str, wait: float, *, blocked: bool = False) -> RateLimitError:
    """Return the error for a wait that the caller does not want to sit out.

    `blocked` says that the server asked for the wait with a 429.
    """
    reason = (
        f"the server refused {budget} requests with 429 and asks to wait {wait:.0f} s more"
        if blocked
        else f"the client's own limit for {budget} is used up for {wait:.0f} s"
    )
    return RateLimitError(
        f"{reason} (nothing was sent now); raise Backoff.max_wait to wait longer",
        status=429,
        code="throttled",
        detail="the server asked to wait" if blocked else "client-side limit reached",
        retry_after=wait,
        attempts=0,
        sent=False,
    )


class Permit(Protocol):
    """The right to send one request; it counts as under way until it is released."""

    @property
    def is_expired(self) -> bool:
        """Whether it was granted so long ago that it may have been given to others."""
        ...

    async def release(self) -> None:
        """Count the end of the request."""
        ...


class Limiter(Protocol):
    """What the session asks of a limiter, in process or shared.

    A budget is named by its group of endpoints: `persons`, `max_tools`, `default`.
    """

    async def acquire(self, budget: str, *, max_wait: float) -> Permit:
        """Wait at most `max_wait` seconds for a permit that every window of the budget allows."""
        ...

    async def block(self, budget: str, seconds: float) -> None:
        """Let no request of the budget start for so many seconds."""
        ...

    def is_limited(self, budget: str) -> bool:
        """Whether the budget has any window."""
        ...

    def blocked_for(self, budget: str) -> float:
        """Return for how many more seconds the budget is blocked, as known here."""
        ...
