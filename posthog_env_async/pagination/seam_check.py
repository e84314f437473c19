"""The seams between pages: proving that a page joins what was read, and finding the place again.

docs/design.md says why this is right, and what no client could know.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import attrs

from posthog_env_async.errors import PaginationError

from .prefetch import OVERLAP, WIRE_MOST, ReadAhead
from .seen_rows import Seen, moment
from .window_reader import Window, WindowPage, WindowReader

__all__ = ["OnGap", "Seams"]

OVERLAP_MOST = 256
CLEAN_PAGES = 8
QUIET_TRIES = 3
MOST_REPAIRS = 50
LEAST_BRIDGE = 1_000

OnGap = Literal["raise", "report"]


@attrs.define
class Seams:
    """What was read so far, and whether the next page joins it.

    `deepest` is when the last row in the server's order was made, in milliseconds; `tied_up` how
    many rows up to it share that moment; `moved` whether rows were seen to change places.
    """

    reader: WindowReader
    ahead: ReadAhead
    seen: Seen
    first: int
    on_gap: OnGap
    deepest: int | None = None
    tied_up: int = 0
    repaired: int = attrs.field(default=0, init=False)
    read_again: int = attrs.field(default=0, init=False)
    unproven: int = attrs.field(default=0, init=False)
    moved: bool = attrs.field(default=False, init=False)
    _stuck: int = attrs.field(default=0, init=False)
    _clean: int = attrs.field(default=0, init=False)
    _quiet: WindowPage | None = attrs.field(default=None, init=False)

    def joins(self, page: WindowPage) -> bool:
        """Whether nothing lies between what was read and the page."""
        if self._from_the_top(page.window.start):
            return True
        if self.seen.first_proof(page.keys) is not None:
            self._clean += 1
            if self._clean % CLEAN_PAGES == 0:
                self.ahead.overlap = max(OVERLAP, self.ahead.overlap // 2)
            self._quiet = None
            return True
        return False

    def covered(self, page: WindowPage, places: Sequence[int], *, is_cut: bool) -> list[str]:
        """Return the keys, in order, of the rows of a page that are done with."""
        first = self.seen.first_proof(page.keys) or 0
        end = (places[-1] + 1 if places else 0) if is_cut else len(page.keys)
        early = itertools.takewhile(first.__gt__, places)
        return [page.keys[place] for place in early] + page.keys[first:end]

    def fresh(self, page: WindowPage) -> Sequence[int]:
        """Return the places of a page's rows that are to be yielded."""

        def stamp(place: int) -> str | None:
            return self.reader.source.rows.stamp(page.rows[place])

        return self.seen.fresh(page.keys, stamp, self.deepest)

    def go_deeper(self, rows: Sequence[Any]) -> None:
        """Note when the last row in the server's order was made, and how many rows share that."""
        self._stuck = 0
        last = self.moment(rows[-1])
        if last is None or (self.deepest is not None and last > self.deepest):
            return
        shared = itertools.takewhile(lambda row: self.moment(row) == last, reversed(rows))
        self.tied_up = sum(1 for _ in shared) + (self.tied_up if last == self.deepest else 0)
        self.deepest = last

    def moment(self, row: Any) -> int | None:
        """Return when a row was made, in milliseconds."""
        return moment(self.reader.source.rows.stamp(row))

    def _from_the_top(self, start: int) -> bool:
        """Whether a window at `start` begins where the listing does."""
        return start == self._floor and (self.seen.is_empty or self.seen.whole)

    @property
    def _floor(self) -> int:
        return self.first if self.seen.is_empty else 0

    async def repair(self, page: WindowPage, position: int) -> WindowPage:
        """Return the page to go on from instead of one that does not join at `position`.

        Raises:
            PaginationError: when there is none and `on_gap` is `"raise"`.
        """
        self._clean = 0
        if self._quiet is not None and (found := await self._between(self._quiet, page.window)):
            return found
        if self._is_newer(page) and (found := await self._step_forward(page)):
            return found
        found = await self._step_back(page, position) or await self._step_forward(page)
        return found or self._gap(page, position)

    def _is_newer(self, page: WindowPage) -> bool:
        """Whether the page's rows look newer than the last one read: more came than the page holds.

        Only a guess at where to look first: a known row has to prove it.
        """
        last = self.moment(page.rows[-1]) if page.rows else None
        return last is not None and self.deepest is not None and last > self.deepest

    async def _step_forward(self, page: WindowPage) -> WindowPage | None:
        end, size = page.end, page.window.limit
        while end is not None:
            size = min(2 * size, self._widest(page.window))
            onward = await self._again(Window(max(0, end - 1), size))
            if self.seen.first_proof(onward.keys) is not None:
                return onward
            end = onward.end
        return None

    async def _step_back(self, page: WindowPage, position: int) -> WindowPage | None:
        target, widest = page.window, self._widest(page.window)
        start, step, strangers = target.start, max(1, position - target.start), set[str]()
        while start > self._floor and len(strangers) < self.seen.capacity:
            step = max(1, min(2 * step, widest // 2))
            start = max(self._floor, start - step)
            back = await self._again(Window(start, min(target.end - start, widest)))
            if self._from_the_top(start) or self.seen.first_proof(back.keys) is not None:
                missed = bool(strangers - set(page.keys) or self.fresh(back))
                return await self._bridged(back, target, position, missed=missed)
            strangers.update(back.keys)
        return None

    def _widest(self, window: Window) -> int:
        return min(self.reader.cap or WIRE_MOST, max(LEAST_BRIDGE, 8 * window.limit))

    async def _bridged(
        self, back: WindowPage, target: Window, position: int, *, missed: bool
    ) -> WindowPage:
        """Go on from `back`, or from `target` when only rows that the server drops lie between."""
        self.repaired += 1
        self._stuck += 1
        self.moved = self.moved or missed
        shift = 2 * (position - back.window.start)
        self.ahead.overlap = min(max(self.ahead.overlap, shift), OVERLAP_MOST)
        onward = missed or back.end is None or back.end > position
        if onward and self._stuck < MOST_REPAIRS:
            return back
        found = await self._between(back, target)
        return found or self._gap(await self._again(target), position)

    async def _between(self, anchor: WindowPage, target: Window) -> WindowPage | None:
        """Read `target`, behind a run of rows that the server drops, between two equal answers.

        No row can prove such a page. That the last page with rows is the same before and after
        does, unless rows are known to move.
        """
        for _ in range(QUIET_TRIES):
            found = await self._again(target)
            if self.seen.first_proof(found.keys) is not None:
                return found
            after = await self._again(anchor.window)
            if after.keys == anchor.keys:
                self._quiet = anchor
                self.unproven += self.moved or not anchor.keys
                return found
            anchor = after
        return None

    async def check_offset_counts(self, page: WindowPage) -> None:
        """Check that a page without anything new is not the first page once more.

        Raises:
            PaginationError: when the server ignores the offset.
        """
        if page.window.start == 0:
            return
        first = await self._again(Window(0, page.window.limit))
        if first.keys == page.keys and first.keys == (await self._again(page.window)).keys:
            raise PaginationError(
                "the server ignores the offset: it answers the first rows again for each page"
            )

    async def _again(self, window: Window) -> WindowPage:
        page = await self.reader.read(window)
        self.read_again += len(page.keys)
        return page

    def _gap(self, page: WindowPage, position: int) -> WindowPage:
        if self.on_gap == "raise":
            raise PaginationError(
                f"no row near offset {position} is one of the last {self.seen.capacity}"
                " that were read: more rows vanished or came at once than are remembered, so rows"
                " may be missing; start over, or iterate(on_gap='report') to go on and be told in"
                " the report"
            )
        self.unproven += 1
        return page

    def first_tied(self, page: WindowPage, place: int) -> int:
        """Return where the rows begin that may change places with the one at `place`."""
        shared, first = self.moment(page.rows[place]), place
        while first and shared is not None and self.moment(page.rows[first - 1]) == shared:
            first -= 1
        return first
