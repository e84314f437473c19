"""Paging by offset over a set that changes: in order, each page proven to join the last."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import attrs

from posthog_env_async.converter import RowType
from posthog_env_async.errors import PostHogError, ResponseDecodeError

from .item_counter import Tally
from .page import ListingReport, Step
from .page_size import PageSize, PageSizes
from .prefetch import WIRE_MOST, ReadAhead
from .resume_token import Token, digest
from .seam_check import OnGap, Seams
from .seen_rows import Seen
from .window_reader import Source, WindowPage, WindowReader

__all__ = ["HELD_BYTES", "OffsetPlan", "OffsetReader"]

T = TypeVar("T")

HELD_BYTES = 64 << 20
REMEMBERED = 10_000
REMEMBERED_PAGES = 4
TAIL = 100
IDLE_PAGES = 3
TIED_TAIL = 1_000


@attrs.frozen
class OffsetPlan:
    """How a listing by offset is to be read."""

    page_size: PageSize = 1000
    offset: int = 0
    max_items: int | None = None
    prefetch: int = 0
    resume: Token | None = None
    on_gap: OnGap = "raise"
    held_bytes: int = HELD_BYTES


@attrs.frozen
class _Accepted:
    """The last page: the places of its new rows, of which the first `added` are handed out."""

    page: WindowPage
    places: Sequence[int]
    added: int
    begins: int
    deepest: int | None


@attrs.define
class OffsetReader(Generic[T]):
    """Reads a listing by offset, page after page, and proves that nothing is skipped.

    The state changes only when a page is accepted, so after an error the next call tries again.
    """

    source: Source[T]
    plan: OffsetPlan
    position: int = attrs.field(init=False)
    tally: Tally = attrs.field(init=False)
    pages: int = attrs.field(default=0, init=False)
    dropped: int = attrs.field(default=0, init=False)
    ended: bool = attrs.field(default=False, init=False)
    _idle: int = attrs.field(default=0, init=False)
    _failure: ResponseDecodeError | None = attrs.field(default=None, init=False)
    _last: _Accepted | None = attrs.field(default=None, init=False)
    _reader: WindowReader = attrs.field(init=False)
    _ahead: ReadAhead = attrs.field(init=False)
    _seams: Seams = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        plan, resume = self.plan, self.plan.resume
        self.tally = Tally.of(resume, plan.max_items)
        self.position = plan.offset if resume is None else resume.offset
        sizes = PageSizes(plan.page_size, min(self.source.most, WIRE_MOST))
        if self.tally.left is not None and not sizes.is_auto:
            sizes.size = max(1, min(sizes.size, self.tally.left))
        self._reader = WindowReader(self.source, sizes)
        is_fresh = resume is None or not (resume.tail or resume.loose)
        self._ahead = ReadAhead(
            self._reader,
            first=self.position if is_fresh else None,
            planned=self.position,
            prefetch=plan.prefetch,
            held_bytes=plan.held_bytes,
            enough=None if self.tally.left is None else self.position + self.tally.left,
        )
        remembered = max(REMEMBERED, REMEMBERED_PAGES * sizes.size)
        seen = Seen(remembered, whole=self.position == 0)
        if resume is not None:
            seen = Seen(remembered, resume.whole, resume.tail, resume.loose)
        self._seams = Seams(self._reader, self._ahead, seen, self.position, plan.on_gap)
        if resume is not None:
            self._seams.deepest = resume.moment
            self._seams.tied_up = len(resume.tail) + len(resume.loose)

    @property
    def kind(self) -> RowType[T]:
        """How the rows are read, and what the caller gets for them."""
        return self.source.rows

    async def next(self) -> Step | None:
        """Return the next page, or `None` at the end.

        Raises:
            PaginationError: when rows may be missing and the caller did not choose to go on.
            PostHogError: as `Session.fetch`.
        """
        if self.ended or self.tally.left == 0:
            self.ended = True
            return None
        failure, self._failure = self._failure, None
        try:
            if failure is not None:
                raise failure
            cap = self._reader.cap
            page = await self._ahead.take(self.position)
            if not self._seams.joins(page):
                page = await self._seams.repair(page, self.position)
        except PostHogError:
            await self._ahead.drop()
            raise
        step = self._accept(page)
        await self._check_progress(page, found=len(step.rows))
        is_over = step.next_offset is None or self._failure is not None
        if is_over or cap != self._reader.cap:
            await self._ahead.drop()
        else:
            self._ahead.fill()
        return step

    async def _check_progress(self, page: WindowPage, *, found: int) -> None:
        """Now and then see whether pages without anything new are new pages at all."""
        self._idle = self._idle + 1 if page.keys and page.end is not None and not found else 0
        if self._idle and self._idle % IDLE_PAGES == 0:
            await self._seams.check_offset_counts(page)

    async def aclose(self) -> None:
        """Break off what is in flight."""
        await self._ahead.drop()

    def report(self) -> ListingReport:
        """Return what was done so far."""
        return ListingReport(
            items=self.tally.items,
            pages=self.pages,
            requests=self._reader.meter.requests,
            duplicates_dropped=self.dropped,
            seams_repaired=self._seams.repaired,
            rows_read_again=self._seams.read_again,
            page_sizes=tuple(dict.fromkeys(self._reader.sizes.used)),
            seams_unproven=self._seams.unproven,
            complete=self.ended and not self._seams.unproven,
        )

    def _accept(self, page: WindowPage) -> Step:
        places = self._seams.fresh(page)
        again = max(0, self.position - page.window.start)
        doubled = max(0, len(page.keys) - len(places) - again)
        self.dropped += doubled
        self._seams.moved = self._seams.moved or doubled > 0
        added = places[: self.tally.left]
        self._seams.seen.remember(self._seams.covered(page, added, is_cut=len(added) < len(places)))
        rows = _picked(page.rows, added)
        deepest = self._seams.deepest
        self._ahead.found(len(rows))
        if rows:
            self._seams.go_deeper(rows)
        begins, self._failure = self.position, page.failure
        self.pages += 1
        self.tally.items += len(rows)
        is_last = page.end is None or self.tally.left == 0
        self.ended = is_last and self._failure is None
        if self._failure is None:
            self.position = page.window.start + len(page.keys) if page.end is None else page.end
        self._last = _Accepted(page, places, len(added), begins, deepest)
        return Step(rows, page.body, begins, None if self.ended else self.position)

    def settle(self) -> None:
        """Let go of the last page: all of it was yielded."""
        last = self._last
        if last is not None and len(last.places) == last.added and self._failure is None:
            # The event loop holds the task that read the page until its next turn, and so the page.
            last.page.rows.clear()
            self._last = None

    def token_at(self, yielded: int | None) -> str:
        """Return the token of the place after so many items of the last page, or after all."""
        last = self._last
        if yielded is None:
            yielded = 0 if last is None else last.added
        unread = 0 if last is None else last.added - yielded
        offset, loose, unsure, count = self.position, list[bytes](), set[str](), TAIL
        if last is not None and (yielded < len(last.places) or self._failure is not None):
            keys = last.page.keys
            first = self._seams.first_tied(last.page, last.places[yielded - 1]) if yielded else 0
            offset = last.page.window.start + first
            unsure = set(keys[first:])
            waiting = {keys[place] for place in last.places[yielded:]}
            loose = [digest(key) for key in keys[first:] if key not in waiting]
        else:
            count = min(TAIL + self._seams.tied_up, TIED_TAIL)
        return Token(
            subject=self.source.subject,
            offset=offset,
            items=self.tally.total - unread,
            whole=self._seams.seen.fits(count, without=unsure),
            tail=self._seams.seen.last(count, without=unsure),
            loose=(*loose, *self._seams.seen.loose)[:TIED_TAIL],
            moment=self._moment_at(yielded),
        ).text()

    def _moment_at(self, yielded: int) -> int | None:
        last = self._last
        if last is None or yielded == last.added:
            return self._seams.deepest
        return (
            self._seams.moment(last.page.rows[last.places[yielded - 1]])
            if yielded
            else last.deepest
        )


def _picked(rows: list[Any], places: Sequence[int]) -> list[Any]:
    if isinstance(places, range):
        return rows[places.start : places.stop]
    return [rows[place] for place in places]
