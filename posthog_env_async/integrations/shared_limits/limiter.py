"""This process' side of a limiter whose books are kept where other processes see them, too."""

import asyncio
import itertools
import math
import os
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Literal, Self

import anyio
import attrs

from posthog_env_async.errors import LimiterUnavailableError
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits, RateLimiter, over_limit

from .store import LEASE, POLL_INTERVAL, LimitStore, Share

__all__ = ["SharedLimiter"]

BUDGETS = ("persons", "max_tools", "default")
UNAVAILABLE_FOR = 5.0
RELEASE_TIMEOUT = 2.0


def _names() -> Iterator[str]:
    """Name requests so that no two of any process are the same, a forked one included."""
    process = secrets.token_hex(6)
    return (f"{process}-{os.getpid():x}-{number:x}" for number in itertools.count(1))


@attrs.define
class _Queue:
    """This process' side of one budget: one task at a time asks the books."""

    turn: anyio.Lock = attrs.field(factory=anyio.Lock)
    held_until: float = -math.inf


@attrs.define(eq=False)
class SharedLimiter:
    """The limits of one API key, kept where all its processes see them.

    In each process one task at a time asks; between processes the longest waiting comes first. A
    request that is under way holds its place under a lease that is renewed while it lasts, so the
    place of a dead worker is lost for `lease` seconds and the window, and is never given twice.
    Close it, or use it as `async with`.
    """

    ledger: LimitStore
    limits: Limits = CLOUD_LIMITS
    on_unavailable: Literal["raise"] | Share = attrs.field(default="raise", kw_only=True)
    lease: float = attrs.field(default=LEASE, kw_only=True)
    now: Callable[[], float] = attrs.field(default=anyio.current_time, kw_only=True)
    _queues: dict[str, _Queue] = attrs.field(factory=dict[str, _Queue], init=False)
    _flying: dict[str, str] = attrs.field(factory=dict[str, str], init=False)
    _renewing: "asyncio.Task[None] | None" = attrs.field(default=None, init=False)
    _away_until: float = attrs.field(default=-math.inf, init=False)
    _alone: RateLimiter | None = attrs.field(default=None, init=False)
    _names: Iterator[str] = attrs.field(factory=_names, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the connection; requests under way keep their places until their lease ends."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self.ledger.aclose()

    @asynccontextmanager
    async def slot(self, budget: str, *, longest: float = math.inf) -> AsyncGenerator[None]:
        """Wait for a place in every window of the budget and hold it while sending.

        Raises:
            RateLimitError: when the wait would be longer than `longest` seconds.
            LimiterUnavailableError: when the books cannot be reached, unless there is a `Share`.
        """
        name = self.limits.budget(budget)
        who = await self._place_or_alone(name, longest)
        if isinstance(who, RateLimiter):
            async with who.slot(name, longest=longest):
                yield
            return
        try:
            yield
        finally:
            await self._end(name, who)

    async def hold(self, budget: str, seconds: float) -> None:
        """Hold every task of the budget in every process, also those already waiting."""
        name = self.limits.budget(budget)
        self._note_hold(name, seconds)
        if self._alone is not None:
            await self._alone.hold(name, seconds)
        if not self._is_away:
            try:
                await self.ledger.hold(name, self.limits.of(name), seconds)
            except LimiterUnavailableError as error:
                await self._go_alone(error)

    def is_limited(self, budget: str) -> bool:
        """Whether the budget has any window."""
        return bool(self.limits.of(budget))

    def held_for(self, budget: str) -> float:
        """Return for how many more seconds the budget is held, as far as this process was told."""
        return max(0.0, self._queue(self.limits.budget(budget)).held_until - self.now())

    async def left(self) -> Mapping[str, tuple[tuple[Limit, int], ...]]:
        """Return how many requests each window has left, by budget, for all processes together."""
        found: dict[str, tuple[tuple[Limit, int], ...]] = {}
        for name in BUDGETS:
            limits = self.limits.of(name)
            used = await self.ledger.used(self.limits.budget(name), limits)
            found[name] = tuple(
                (limit, max(0, limit.requests - taken))
                for limit, taken in zip(limits, used, strict=True)
            )
        return found

    @property
    def _is_away(self) -> bool:
        return self._alone is not None and self.now() < self._away_until

    async def _place_or_alone(self, name: str, longest: float) -> str | RateLimiter:
        if self._alone is None or not self._is_away:
            try:
                who = await self._place(name, longest)
            except LimiterUnavailableError as error:
                return await self._go_alone(error)
            self._alone = None
            return who
        return self._alone

    async def _go_alone(self, error: LimiterUnavailableError) -> RateLimiter:
        """Return the limiter of this process' share; it begins after the shortest window, held.

        Others may have used that window up just before the books went away.
        """
        if not isinstance(self.on_unavailable, Share):
            raise error
        self._away_until = self.now() + UNAVAILABLE_FOR
        if self._alone is None:
            self._alone = RateLimiter(self.on_unavailable.of(self.limits), self.now)
            for name in BUDGETS:
                shortest = min((limit.seconds for limit in self.limits.of(name)), default=0.0)
                await self._alone.hold(name, max(shortest, self.held_for(name)))
        return self._alone

    async def _place(self, name: str, longest: float) -> str:
        queue, who, ticket, granted = self._queue(name), next(self._names), 0, False
        async with queue.turn:
            try:
                while True:
                    turn = await self.ledger.ask(name, self.limits.of(name), who, ticket)
                    self._note_hold(name, turn.held)
                    if turn.granted:
                        granted = True
                        self._keep(name, who)
                        return who
                    if turn.wait > longest:
                        raise over_limit(name, turn.wait)
                    ticket = turn.ticket
                    await anyio.sleep(min(turn.wait, POLL_INTERVAL))
            finally:
                if not granted:
                    await self._leave(name, who)

    async def _leave(self, name: str, who: str) -> None:
        # Unreachable books forget it by themselves: the queue by its promise, a place by its lease.
        with anyio.move_on_after(RELEASE_TIMEOUT, shield=True), suppress(LimiterUnavailableError):
            await self.ledger.leave(name, who)

    async def _end(self, name: str, who: str) -> None:
        self._flying.pop(who, None)
        with anyio.move_on_after(RELEASE_TIMEOUT, shield=True), suppress(LimiterUnavailableError):
            await self.ledger.end(name, self.limits.of(name), who)

    def _keep(self, name: str, who: str) -> None:
        self._flying[who] = name
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while self._flying:
            await anyio.sleep(self.lease / 3)
            flying = [(name, who) for who, name in self._flying.items()]
            with suppress(LimiterUnavailableError):
                await self.ledger.renew(flying)

    def _note_hold(self, name: str, seconds: float) -> None:
        if seconds > 0:
            queue = self._queue(name)
            queue.held_until = max(queue.held_until, self.now() + seconds)

    def _queue(self, name: str) -> _Queue:
        return self._queues.setdefault(name, _Queue())
