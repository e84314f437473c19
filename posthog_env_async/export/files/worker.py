"""Blocking work in threads: awaited, or one step behind the caller."""

import asyncio
from collections.abc import Callable
from typing import Self, TypeVar

import anyio
import anyio.to_thread
import attrs
from anyio import CancelScope
from anyio.lowlevel import RunVar

__all__ = ["BackgroundWriter", "in_thread"]

R = TypeVar("R")


# Each thread has memory of its own; a disk is not faster with more.
THREADS = 8
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("posthog_env_async.export.threads")


async def in_thread(work: Callable[[], R]) -> R:
    """Do blocking work in a thread, of which exports have eight at most, and return its result."""
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
    return await anyio.to_thread.run_sync(work, limiter=limiter)


@attrs.define
class BackgroundWriter:
    """One blocking step at a time in a thread, while the caller goes on.

    A plain task, not a task group: that would wrap the step's error in a group.
    """

    _step: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        if error is None:
            await self.wait()
        elif self._step is not None:
            with CancelScope(shield=True):
                await asyncio.gather(self._step, return_exceptions=True)

    async def wait(self) -> None:
        """Wait for the step under way.

        Raises:
            Exception: what the step raised.
        """
        step, self._step = self._step, None
        if step is not None:
            await step

    def start(self, work: Callable[[], None]) -> None:
        """Begin a step; the one before has to be waited for."""
        self._step = asyncio.create_task(in_thread(work))
