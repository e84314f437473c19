"""How many requests may go out: the windows that the server counts, kept on our side."""

import math
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Protocol

import anyio
import attrs

from posthog_env_async.errors import ConfigurationError, RateLimitError

__all__ = [
    "CLOUD_LIMITS",
    "Limit",
    "Limiter",
    "Limits",
    "RateLimiter",
    "Window",
    "as_limits",
    "over_limit",
]

WIDE_OPEN = 64


@attrs.frozen
class Limit:
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        if self.requests < 1 or not self.seconds > 0:
            raise ConfigurationError("a Limit has at least one request and more than 0 seconds")


def _limit_tuple(limits: Sequence[Limit] | None) -> tuple[Limit, ...] | None:
    return None if limits is None else tuple(limits)


@attrs.frozen(kw_only=True)
class Limits:
    """One budget a group of endpoints; within a budget every window holds at once.

    A group left out shares the budget of `default`; an empty one is not limited.
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
"""What PostHog Cloud publishes for a personal API key (docs/server.md, Throttles)."""


def as_limits(limits: "Limits | Sequence[Limit] | None") -> Limits:
    """Return `limits` as budgets; a sequence is one budget for every request."""
    if isinstance(limits, Limits):
        return limits
    return Limits(default=limits or ())


def over_limit(budget: str, wait: float) -> RateLimitError:
    """Return the error for a wait that the caller does not want to sit out."""
    return RateLimitError(
        f"the client's own limit for {budget} is used up for {wait:.0f} s (nothing was sent);"
        " raise Backoff.max_wait to wait longer",
        status=429,
        code="throttled",
        detail="client-side limit reached",
        retry_after=wait,
        attempts=0,
        sent=False,
    )


class Limiter(Protocol):
    """What the session asks of a limiter, in process or shared.

    A budget is named by its group of endpoints: `persons`, `max_tools`, `default`.
    """

    def slot(self, budget: str, *, longest: float) -> AbstractAsyncContextManager[None]:
        """Wait at most `longest` seconds for a place in every window; hold it while sending."""
        ...

    async def hold(self, budget: str, seconds: float) -> None:
        """Let nobody of the budget send for so many seconds."""
        ...

    def is_limited(self, budget: str) -> bool:
        """Whether the budget has any window."""
        ...

    def held_for(self, budget: str) -> float:
        """Return for how many more seconds nobody of the budget may send, as known here."""
        ...


@attrs.define
class Window:
    """The windows of one budget: arithmetic on a clock that is handed in.

    A request counts from its start until `seconds` after its end: the server saw it somewhere in
    between, so no window of the server's can hold more than its limit. After a hold requests go out
    one at a time, then two, and so on, since nobody knows how many places the server has free.
    """

    limits: tuple[Limit, ...]
    in_flight: int = 0
    held_until: float = -math.inf
    at_once: float = math.inf
    ended: deque[float] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ended = deque(maxlen=max((limit.requests for limit in self.limits), default=1))

    def wait(self, now: float) -> float:
        """Return the seconds until a request may start; infinite when one must end first."""
        waits = [self._wait_for(limit, now) for limit in self.limits]
        if self.in_flight >= self.at_once:
            waits.append(math.inf)
        return max(0.0, self.held_until - now, *waits)

    def _wait_for(self, limit: Limit, now: float) -> float:
        free = limit.requests - self.in_flight
        if free <= 0:
            return math.inf
        if len(self.ended) < free:
            return 0.0
        return self.ended[-free] + limit.seconds - now

    def used(self, limit: Limit, now: float) -> int:
        """Return how many places of a window are taken."""
        return self.in_flight + sum(1 for end in self.ended if end > now - limit.seconds)

    def start(self) -> None:
        """Count a request that starts."""
        self.in_flight += 1

    def end(self, now: float) -> None:
        """Count its end."""
        self.in_flight -= 1
        self.ended.append(now)
        if now >= self.held_until:
            self.at_once = self.at_once * 2 if self.at_once < WIDE_OPEN else math.inf

    def hold(self, until: float) -> None:
        """Let nothing start before `until`, and then one at a time."""
        self.held_until = max(self.held_until, until)
        self.at_once = 1


@attrs.define
class _Budget:
    window: Window
    turn: anyio.Lock = attrs.field(factory=partial(anyio.Lock, fast_acquire=True))
    changed: anyio.Event = attrs.field(factory=anyio.Event)

    def notify(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


@attrs.define
class RateLimiter:
    """The limits of one client, kept in this process; first come, first served in each budget."""

    limits: Limits
    now: Callable[[], float] = attrs.field(default=anyio.current_time)
    _budgets: dict[str, _Budget] = attrs.field(factory=dict[str, _Budget], init=False)

    @asynccontextmanager
    async def slot(self, budget: str, *, longest: float = math.inf) -> AsyncGenerator[None]:
        """Wait for a place in every window of the budget and hold it while sending.

        Raises:
            RateLimitError: when the wait would be longer than `longest` seconds.
        """
        kept = self._budget(budget)
        async with kept.turn:
            while (wait := kept.window.wait(self.now())) > 0:
                if longest < wait < math.inf:
                    raise over_limit(budget, wait)
                await _until(kept.changed, wait)
            kept.window.start()
        try:
            yield
        finally:
            kept.window.end(self.now())
            kept.notify()

    async def hold(self, budget: str, seconds: float) -> None:
        """Hold every task of the budget, also those already waiting."""
        kept = self._budget(budget)
        kept.window.hold(self.now() + seconds)
        kept.notify()

    def is_limited(self, budget: str) -> bool:
        """Whether the budget has any window."""
        return bool(self.limits.of(budget))

    def held_for(self, budget: str) -> float:
        """Return for how many more seconds the budget is held."""
        return max(0.0, self._budget(budget).window.held_until - self.now())

    def left(self) -> Mapping[str, tuple[tuple[Limit, int], ...]]:
        """Return how many requests each window has left, by budget."""
        return {
            name: tuple(
                (limit, max(0, limit.requests - self._budget(name).window.used(limit, self.now())))
                for limit in self.limits.of(name)
            )
            for name in ("persons", "max_tools", "default")
        }

    def _budget(self, group: str) -> _Budget:
        name = self.limits.budget(group)
        if name not in self._budgets:
            self._budgets[name] = _Budget(Window(self.limits.of(name)))
        return self._budgets[name]


async def _until(changed: anyio.Event, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        await changed.wait()
