"""The windows that the server counts, kept on our side, for the tasks of one process."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import attrs

from .limits import BUDGETS, MAX_BLOCK, Limit, Limits, over_limit

__all__ = ["MAX_AT_ONCE", "RateLimiter", "Window"]

MAX_AT_ONCE = 64


@attrs.define
class Window:
    """The windows of one budget: arithmetic on a clock that is handed in.

    A request counts from its start until `seconds` after its end: the server saw it somewhere in
    between, so no window of the server's can hold more than its limit. After a block requests go
    out one at a time, then two, and so on, since nobody knows how many places the server has free.
    """

    limits: tuple[Limit, ...]
    in_flight: int = 0
    blocked_until: float = -math.inf
    at_once: float = math.inf
    ended: deque[float] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ended = deque(maxlen=max((limit.requests for limit in self.limits), default=1))

    def wait(self, now: float) -> float:
        """Return the seconds until a request may start; infinite when one must end first."""
        wait = max(0.0, self.blocked_until - now)
        if self.in_flight >= self.at_once:
            return math.inf
        for limit in self.limits:
            wait = max(wait, self._wait_for(limit, now))
        return wait

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
        if self.at_once < math.inf and now >= self.blocked_until:
            self.at_once = self.at_once * 2 if self.at_once < MAX_AT_ONCE else math.inf

    def block(self, until: float) -> None:
        """Let nothing start before `until`, and then one at a time."""
        self.blocked_until = max(self.blocked_until, until)
        self.at_once = 1


@attrs.define
class _Queue:
    """The tasks of one budget, first come, first served; it is the permit that each one gets."""

    name: str
    window: Window
    now: Callable[[], float]
    turn: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    changed: asyncio.Event | None = None
    is_expired: bool = False

    async def wait(self, max_wait: float) -> None:
        """Wait until every window allows a request, behind those who came before."""
        async with self.turn:
            await self._wait(max_wait)

    async def _wait(self, max_wait: float) -> None:
        while (wait := self.window.wait(now := self.now())) > 0:
            if max_wait < wait < math.inf:
                blocked = wait <= self.window.blocked_until - now
                raise over_limit(self.name, wait, blocked=blocked)
            changed = self.changed = self.changed or asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if wait == math.inf else wait):
                    await changed.wait()

    async def release(self) -> None:
        """Count the end of a request."""
        self.window.end(self.now())
        if self.changed is not None:
            self.notify()

    def notify(self) -> None:
        """Let the first of the queue look again."""
        if self.changed is not None:
            self.changed.set()
            self.changed = None


@attrs.define
class RateLimiter:
    """The limits of one client, kept in this process; first come, first served in each budget."""

    limits: Limits
    now: Callable[[], float] = attrs.field(default=time.monotonic)
    _queues: dict[str, _Queue] = attrs.field(factory=dict[str, _Queue], init=False)

    def __attrs_post_init__(self) -> None:
        for group in BUDGETS:
            self._queue(group)

    async def acquire(self, budget: str, *, max_wait: float = math.inf) -> _Queue:
        """Wait until every window of the budget allows a request, which counts until its release.

        Raises:
            RateLimitError: when the wait would be longer than `max_wait` seconds.
        """
        queue = self._queues.get(budget) or self._queue(budget)
        if queue.turn.locked() or queue.window.wait(self.now()) > 0:
            await queue.wait(max_wait)
        queue.window.in_flight += 1
        return queue

    @asynccontextmanager
    async def permit(self, budget: str, *, max_wait: float = math.inf) -> AsyncGenerator[None]:
        """Hold a permit while the block runs; raises as `acquire`."""
        queue = await self.acquire(budget, max_wait=max_wait)
        try:
            yield
        finally:
            await queue.release()

    async def block(self, budget: str, seconds: float) -> None:
        """Block every task of the budget, also those already waiting, for at most a day."""
        queue = self._queue(budget)
        queue.window.block(self.now() + min(seconds, MAX_BLOCK))
        queue.notify()

    def is_limited(self, budget: str) -> bool:
        """Whether the budget has any window."""
        return bool(self.limits.of(budget))

    def blocked_for(self, budget: str) -> float:
        """Return for how many more seconds the budget is blocked."""
        queue = self._queues.get(budget) or self._queue(budget)
        return max(0.0, queue.window.blocked_until - self.now())

    def left(self) -> Mapping[str, tuple[tuple[Limit, int], ...]]:
        """Return how many requests each window has left, by budget."""
        return {
            name: tuple(
                (limit, max(0, limit.requests - self._queue(name).window.used(limit, self.now())))
                for limit in self.limits.of(name)
            )
            for name in BUDGETS
        }

    def _queue(self, group: str) -> _Queue:
        queue = self._queues.get(group)
        if queue is None:
            name = self.limits.budget(group)
            queue = self._queues.get(name) or _Queue(name, Window(self.limits.of(name)), self.now)
            self._queues[name] = self._queues[group] = queue
        return queue
