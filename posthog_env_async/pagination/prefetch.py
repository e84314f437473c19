"""Windows read ahead, in order and within bounds."""

import asyncio
from collections import deque
from typing import Any

import attrs

from posthog_env_async.session import finish

from .page_size import LEAST_CAP
from .window import Window
from .window_reader import WindowPage, WindowReader

__all__ = ["OVERLAP", "Prefetcher", "least_overlap"]

OVERLAP = 8
OVERLAP_SHARE = 50
TINY = 2


def least_overlap(size: int) -> int:
    """Return how many rows a window of a size shares with the one before: a fiftieth, 1 to 8."""
    return min(max(1, min(OVERLAP, size // OVERLAP_SHARE)), size - 1)


@attrs.frozen
class _Reading:
    window: Window
    task: asyncio.Task[WindowPage]


@attrs.define
class Prefetcher:
    """Plans windows that overlap the one before, and keeps up to `prefetch` of them in flight.

    The first page goes alone: a short listing costs one request.
    Plain tasks, not a task group: the rows are handed out by an async generator, and a cancel scope
    that stays open across its `yield` would cancel the consumer.
    """

    reader: WindowReader
    first: int | None
    planned: int
    prefetch: int
    held_bytes: int
    enough: int | None
    _readings: deque[_Reading] = attrs.field(factory=deque[_Reading], init=False)
    _cancelled: set[asyncio.Task[WindowPage]] = attrs.field(
        factory=set[asyncio.Task[WindowPage]], init=False
    )
    _counted: bool = attrs.field(default=False, init=False)
    _total: int | None = attrs.field(default=None, init=False)
    _answered: bool = attrs.field(default=False, init=False)

    def window_at(self, position: int) -> Window:
        """Return the window that goes on at `position` and overlaps what lies before.

        It asks for no more rows than the caller said: a server may cap what is more. Only below
        the least cap worth fearing two more are asked for.
        """
        size = self.reader.sizes.step
        if position == self.first:
            return Window(position, size)
        if size == self.reader.sizes.size and size < LEAST_CAP:
            shared = min(
                position,
                max(min(TINY, LEAST_CAP - size), min(self.reader.sizes.shared, size // 4)),
            )
            return Window(position - shared, min(size + shared, LEAST_CAP))
        start = max(0, position - self.overlap_of(size))
        return Window(start, size)

    def overlap_of(self, size: int) -> int:
        """Return the overlap of a window: more after rows were seen to move, at most a quarter."""
        return max(least_overlap(size), min(self.reader.sizes.shared, size // 4))

    async def take(self, position: int) -> WindowPage:
        """Return the next window at `position`, read ahead or read now."""
        while self._readings and self._readings[0].window.end <= position:
            self._cancel(self._readings.popleft())
        if self._readings and self._readings[0].window.start > position + self.reader.sizes.step:
            self.drop()
        if not self._readings:
            self.planned = position
        if self.prefetch == 0 or not self._answered:
            return await self._read(self.window_at(position))
        self.fill()
        head = self._readings[0].window
        if head.start > position - min(1, self.overlap_of(head.limit)) and position != self.first:
            return await self.reader.read(self._hole(position, head))
        return await self._arrived(self._readings[0])

    async def _arrived(self, reading: _Reading) -> WindowPage:
        """Wait for a window; one whose caller is cancelled goes on, for the next call to take."""
        await asyncio.wait([reading.task])
        if self._readings and self._readings[0] is reading:
            self._readings.popleft()
        if reading.task.cancelled():
            # By whoever closed the run meanwhile, or cancels every task there is.
            return await self._read(reading.window)
        return reading.task.result()

    def fill(self) -> None:
        """Start reading as far ahead as the bounds allow."""
        while self.prefetch and self._may_start():
            window = self.window_at(self.planned)
            task = asyncio.create_task(self._read(window))
            task.add_done_callback(_retrieved)
            self._readings.append(_Reading(window, task))
            self.planned = window.end

    def drop(self) -> None:
        """Break off everything that is in flight.

        Without waiting: a caller that is cancelled meanwhile would lose the page that it has.
        """
        while self._readings:
            self._cancel(self._readings.popleft())

    async def aclose(self) -> None:
        """Break off everything that is in flight, and wait until it is gone."""
        self.drop()
        if self._cancelled:
            await finish(asyncio.wait(tuple(self._cancelled)))

    def _cancel(self, reading: _Reading) -> None:
        task = reading.task
        if not task.done():
            task.cancel()
            self._cancelled.add(task)
            task.add_done_callback(self._cancelled.discard)

    async def _read(self, window: Window) -> WindowPage:
        counted, self._counted = self.prefetch > 0 and not self._counted, True
        page = await self.reader.read(window, counted=counted)
        self._answered = True
        if page.total is not None:
            self._total = page.total
        return page

    def _hole(self, position: int, head: Window) -> Window:
        """Return the window up to the one that was read ahead, and a little into it."""
        window = self.window_at(position)
        shared = self.overlap_of(window.limit)
        return Window(window.start, max(1, min(window.limit, head.start + shared - window.start)))

    def _is_enough(self) -> bool:
        """Whether what is planned reaches what the caller wants, or past the server's own count."""
        return (self.enough is not None and self.planned >= self.enough) or (
            self._total is not None and self.planned > self._total
        )

    def _may_start(self) -> bool:
        if not self._readings:
            return True
        if len(self._readings) >= self.prefetch or self._is_enough():
            return False
        session, budget = self.reader.source.session, self.reader.source.call.budget
        if session.limiter.blocked_for(budget) > 0:
            return False
        rows = sum(reading.window.limit for reading in self._readings)
        return (rows + self.reader.sizes.size) * self.reader.row_bytes <= self.held_bytes


def _retrieved(task: "asyncio.Task[Any]") -> None:
    """Take note of an error that nobody may come to ask for."""
    if not task.cancelled():
        task.exception()
