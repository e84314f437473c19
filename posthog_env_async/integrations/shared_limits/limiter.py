"""This process' side of a limiter whose state is kept where other processes see it, too."""

import asyncio
import logging
import math
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Literal, Self

import anyio
import attrs

from posthog_env_async.errors import ConfigurationError, LimiterUnavailableError
from posthog_env_async.session import (
    BUDGETS,
    CLOUD_LIMITS,
    MAX_BLOCK,
    Limit,
    Limits,
    Permit,
    RateLimiter,
    describe,
    finish,
    over_limit,
)

from .lease import Lease, new_ids
from .store import LEASE, POLL_INTERVAL, LimitStore, Share

__all__ = ["SharedLimiter"]

UNAVAILABLE_FOR = 5.0
RELEASE_TIMEOUT = 2.0
USABLE = 0.8
"""The part of a lease in which a request may still begin, as this process' clock has it."""

logger = logging.getLogger("posthog_env_async")


@attrs.define
class _Queue:
    """This process' side of one budget: one task at a time asks the store."""

    turn: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    blocked_until: float = -math.inf


@attrs.define(eq=False)
class SharedLimiter:
    """The limits of one API key, kept where all its processes see them.

    In each process one task at a time asks; between processes the longest waiting comes first. A
    request that is under way keeps its place under a lease that is renewed while it lasts, so the
    place of a dead worker is lost for `lease` seconds and the window, and is never given twice.
    Close it, or use it as `async with`; it belongs to one event loop and process.
    """

    store: LimitStore
    limits: Limits = CLOUD_LIMITS
    on_unavailable: Literal["raise"] | Share = attrs.field(default="raise", kw_only=True)
    lease: float = attrs.field(default=LEASE, kw_only=True)
    now: Callable[[], float] = attrs.field(default=time.monotonic, kw_only=True)
    _queues: dict[str, _Queue] = attrs.field(factory=dict[str, _Queue], init=False)
    _leases: dict[str, Lease] = attrs.field(factory=dict[str, Lease], init=False)
    _renewing: "asyncio.Task[None] | None" = attrs.field(default=None, init=False)
    _unavailable_until: float = attrs.field(default=-math.inf, init=False)
    _own_share: RateLimiter | None = attrs.field(default=None, init=False)
    _ids: Iterator[str] = attrs.field(factory=new_ids, init=False)
    _bound_to: tuple[int, asyncio.AbstractEventLoop] | None = attrs.field(default=None, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; requests under way keep their places until their lease ends."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self.store.aclose()

    def describe(self) -> str:
        """Say which limits apply and to whom."""
        return f"{describe(self.limits)}; shared by all processes that name {self.store.shown}"

    async def acquire(self, budget: str, *, max_wait: float = math.inf) -> Permit:
        """Wait for a place in every window of the budget and take it until it is released.

        Raises:
            RateLimitError: when the wait would be longer than `max_wait` seconds.
            LimiterUnavailableError: when the store cannot be reached, unless there is a `Share`.
            ConfigurationError: in another event loop or process than at first.
        """
        self._check_bound()
        name = self.limits.budget(budget)
        if not self._is_unavailable:
            try:
                lease = await self._acquire(name, max_wait)
            except LimiterUnavailableError as error:
                await self._use_own_share(error)
            else:
                self._own_share = None
                return lease
        assert self._own_share is not None  # noqa: S101 - told to the type checkers
        return await self._own_share.acquire(name, max_wait=max_wait)

    @asynccontextmanager
    async def permit(self, budget: str, *, max_wait: float = math.inf) -> AsyncGenerator[None]:
        """Hold a permit while the block runs; raises as `acquire`."""
        permit = await self.acquire(budget, max_wait=max_wait)
        try:
            yield
        finally:
            await permit.release()

    async def block(self, budget: str, seconds: float) -> None:
        """Block every task of the budget in every process, for at most a day."""
        name, seconds = self.limits.budget(budget), min(seconds, MAX_BLOCK)
        self._note_block(name, seconds)
        if self._own_share is not None:
            await self._own_share.block(name, seconds)
        if not self._is_unavailable:
            try:
                await self.store.block(name, self.limits.of(name), seconds)
            except LimiterUnavailableError as error:
                await self._use_own_share(error)

    def is_limited(self, budget: str) -> bool:
        """Whether the budget has any window."""
        return bool(self.limits.of(budget))

    def blocked_for(self, budget: str) -> float:
        """Return for how many more seconds the budget is blocked, as far as known here."""
        return max(0.0, self._queue(self.limits.budget(budget)).blocked_until - self.now())

    async def left(self) -> Mapping[str, tuple[tuple[Limit, int], ...]]:
        """Return how many requests each window has left, by budget, for all processes together."""
        left: dict[str, tuple[tuple[Limit, int], ...]] = {}
        for name in BUDGETS:
            limits = self.limits.of(name)
            used = await self.store.used(self.limits.budget(name), limits)
            left[name] = tuple(
                (limit, max(0, limit.requests - taken))
                for limit, taken in zip(limits, used, strict=True)
            )
        return left

    async def release(self, lease: Lease) -> None:
        """Count the end of a request; a store that is away lets its lease run out."""
        self._leases.pop(lease.id, None)
        limits = self.limits.of(lease.budget)
        await self._tell(partial(self.store.release, lease.budget, limits, lease.id))

    def _clock(self) -> float:
        return self.now()

    @property
    def _is_unavailable(self) -> bool:
        return self._own_share is not None and self.now() < self._unavailable_until

    async def _use_own_share(self, error: LimiterUnavailableError) -> None:
        """Go on with this process' share; it begins after the shortest window, blocked.

        Others may have used that window up just before the store went away. What does not pass,
        such as a wrong password, is raised all the same.
        """
        if not isinstance(self.on_unavailable, Share) or not error.retryable:
            raise error
        self._unavailable_until = self.now() + UNAVAILABLE_FOR
        if self._own_share is None:
            self._own_share = RateLimiter(self.on_unavailable.of(self.limits), self.now)
            for name in BUDGETS:
                shortest = min((limit.seconds for limit in self.limits.of(name)), default=0.0)
                await self._own_share.block(name, max(shortest, self.blocked_for(name)))

    async def _acquire(self, name: str, max_wait: float) -> Lease:
        queue, id, ticket, lease = self._queue(name), next(self._ids), 0, None
        async with queue.turn:
            try:
                while True:
                    asked = self.now()
                    grant = await self.store.acquire(name, self.limits.of(name), id, ticket)
                    self._note_block(name, grant.blocked)
                    if grant.granted:
                        lease = self._keep(
                            Lease(self._clock, self.release, name, id, asked + USABLE * self.lease)
                        )
                        return lease
                    if grant.wait > max_wait:
                        raise over_limit(name, grant.wait, blocked=grant.blocked >= grant.wait)
                    ticket = grant.ticket
                    await asyncio.sleep(min(grant.wait, POLL_INTERVAL))
            finally:
                if lease is None:
                    await self._cancel(name, id)

    async def _cancel(self, name: str, id: str) -> None:
        # An unreachable store forgets it by itself: the queue by its promise, a place by its lease.
        await self._tell(partial(self.store.cancel, name, id))

    async def _tell(self, news: Callable[[], Awaitable[None]]) -> None:
        """Tell the store in a moment, or not at all; also when the caller is cancelled."""

        async def tell() -> None:
            with anyio.move_on_after(RELEASE_TIMEOUT), suppress(LimiterUnavailableError):
                await news()

        await finish(tell())

    def _keep(self, lease: Lease) -> Lease:
        self._leases[lease.id] = lease
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        return lease

    async def _renew(self) -> None:
        while self._leases:
            await asyncio.sleep(self.lease / 3)
            asked, leases = self.now(), tuple(self._leases.values())
            usable = [lease for lease in leases if not lease.is_expired]
            with suppress(LimiterUnavailableError):
                await self.store.renew([(lease.budget, lease.id) for lease in leases])
                for lease in usable:
                    lease.valid_until = asked + USABLE * self.lease

    def _note_block(self, name: str, seconds: float) -> None:
        if seconds > 0:
            queue = self._queue(name)
            queue.blocked_until = max(queue.blocked_until, self.now() + seconds)

    def _queue(self, name: str) -> _Queue:
        return self._queues.setdefault(name, _Queue())

    def _check_bound(self) -> None:
        here = (os.getpid(), asyncio.get_running_loop())
        if self._bound_to is None:
            self._bound_to = here
            if self.limits is CLOUD_LIMITS:
                logger.info("no limits were given, so Cloud's apply: %s", self.describe())
        if self._bound_to != here:
            raise ConfigurationError(
                "this limiter was used in another process or event loop before; make one in each"
            )
