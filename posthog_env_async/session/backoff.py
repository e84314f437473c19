"""When to try again, and how long to wait before: policy as plain values."""

import random
from collections.abc import Callable
from enum import Enum

import attrs

from posthog_env_async.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    PostHogError,
    QueryTooExpensiveError,
    RateLimitError,
    ResponseDecodeError,
)

__all__ = ["Backoff", "RetryQuota", "RetrySafety", "is_too_large"]

SERVER_ERROR = 500
SERVER_ERROR_REPEATS = 2
TOO_MUCH = frozenset({502, 504, 524})
PASSING = frozenset({408, 502, 503, 504, *range(520, 531)})


class RetrySafety(Enum):
    """How a call may be sent again."""

    SAFE = "a read, or a write that may arrive twice"
    UNSENT = "only when it cannot have arrived, or was refused before it was processed"
    REFUSED = "only when it was refused for the rate limit"
    NEVER = "each attempt costs the caller"


def _not_negative(_: object, field: "attrs.Attribute[float]", value: float | None) -> None:
    if value is not None and not value >= 0:
        raise ConfigurationError(f"{field.name} must be seconds, 0 or more")


def _at_least_one(_: object, field: "attrs.Attribute[int]", value: int) -> None:
    if value < 1:
        raise ConfigurationError(f"{field.name} must be 1 or more; 1 means no second attempt")


@attrs.frozen(kw_only=True)
class Backoff:
    """How often and how long to try.

    A delay is drawn from 0 to `base` seconds, doubled for each attempt up to `cap` (full jitter),
    unless the server sends a `Retry-After`.

    Attributes:
        max_attempts: how often to send a request at most; 1 never retries.
        base: the longest delay after the first attempt, in seconds.
        cap: the longest delay that is drawn, in seconds.
        max_wait: a longer delay is not waited for: the error is raised at once, with the delay.
        deadline: seconds from the first attempt after which no other one begins.
    """

    max_attempts: int = attrs.field(default=5, validator=_at_least_one)
    base: float = attrs.field(default=0.5, validator=_not_negative)
    cap: float = attrs.field(default=30.0, validator=_not_negative)
    max_wait: float = attrs.field(default=120.0, validator=_not_negative)
    deadline: float | None = attrs.field(default=None, validator=_not_negative)

    def delay(self, attempt: int, draw: Callable[[float, float], float] = random.uniform) -> float:
        """Return the seconds to wait after `attempt`, counted from 1."""
        return draw(0.0, min(self.cap, self.base * 2.0 ** (attempt - 1)))

    def wait_after(
        self, error: PostHogError, attempt: int, repeat: RetrySafety, elapsed: float
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or `None` to raise `error`."""
        if attempt >= self.max_attempts or not _again(error, attempt, repeat):
            return None
        retry_after = error.retry_after if isinstance(error, APIStatusError) else None
        wait = self.delay(attempt) if retry_after is None else retry_after
        late = self.deadline is not None and elapsed + wait > self.deadline
        return None if late or wait > self.max_wait else wait


def _again(  # noqa: PLR0911 - a table, read from the top
    error: PostHogError, attempt: int, repeat: RetrySafety
) -> bool:
    if repeat is RetrySafety.NEVER:
        return False
    if isinstance(error, RateLimitError):
        return True
    if repeat is RetrySafety.REFUSED:
        return False
    if isinstance(error, APIConnectionError):
        return error.retryable and (repeat is RetrySafety.SAFE or not error.may_have_been_processed)
    if repeat is not RetrySafety.SAFE:
        return False
    if isinstance(error, APIStatusError):
        return error.status in PASSING or (
            error.status == SERVER_ERROR and attempt <= SERVER_ERROR_REPEATS
        )
    return isinstance(error, ResponseDecodeError) and error.retryable


@attrs.define
class RetryQuota:
    """What the whole client may spend on second attempts, so that a dying server is left alone.

    A retry takes `cost` from `left`, an answer gives one retry back. Refusals for the rate limit
    cost nothing: the server is well, only busy.
    """

    capacity: float = 500.0
    cost: float = 10.0
    left: float = attrs.field(default=attrs.Factory(lambda self: self.capacity, takes_self=True))

    def spend(self, error: PostHogError) -> bool:
        """Pay for a retry after `error`; false when nothing is left to pay with."""
        if isinstance(error, RateLimitError):
            return True
        if self.left < self.cost:
            return False
        self.left -= self.cost
        return True

    def restore(self) -> None:
        """Give one retry back for an answer that came."""
        self.left = min(self.capacity, self.left + self.cost)


def is_too_large(error: PostHogError) -> bool:
    """Whether the same rows may come when fewer are asked for at once."""
    if isinstance(error, APITimeoutError | QueryTooExpensiveError):
        return True
    if isinstance(error, APIConnectionError):
        return error.too_large
    return isinstance(error, APIStatusError) and error.status in TOO_MUCH
