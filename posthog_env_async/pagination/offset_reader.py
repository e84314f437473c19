"""Paging by offset over a set that changes: in order, each page proven to join the last."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import attrs

from posthog_env_async.converter import RowType
from posthog_env_async.errors import PostHogError, ResponseDecodeError

from .item_counter import ItemCounter
from .page import ListingReport, Step
from .page_size import PageSize, PageSizes
from .prefetch import Prefetcher, least_overlap
from .resume_token import Token
from .seams.digest_set import DigestSet
from .seams.page_facts import PageFacts
from .seams.page_taker import PageTaker
from .seams.read_state import ReadState
from .seams.seam_check import Joined
from .seams.seam_repair import OnGap, SeamFinder
from .seams.state_token import OpenPage, token_of
from .source import Source
from .window import Window
from .window_reader import WindowPage, WindowReader

__all__ = ["HELD_BYTES", "WIRE_MOST", "OffsetPlan", "OffsetReader", "OnGap"]

T = TypeVar("T")

HELD_BYTES = 64 << 20
WIRE_MOST = 10_000
RESUMED_OVERLAP = 8


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
    skips_bad_rows: bool = False
    handed_out: DigestSet | None = attrs.field(default=None, repr=False)


@attrs.frozen
class _Accepted:
    """The last page: the places of its new rows, of which the first `added` are handed out."""

    facts: PageFacts
    places: Sequence[int]
    added: int
    before: ReadState
    items: int

    @property
    def page(self) -> WindowPage:
        return self.facts.page

    def opened(self, count: int) -> OpenPage:
        """Describe the page with so many of its new rows handed out."""
        places, page, times = self.places[:count], self.page, self.facts.times
        keys = [page.keys[place] for place in places]
        return OpenPage(page.window.start, keys, lambda number: times[places[number]])


@attrs.define
class OffsetReader(Generic[T]):
    """Reads a listing by offset, page after page, and proves that nothing is skipped.

    The state changes only when a page is accepted, so after an error the next call tries again.
    """

    source: Source[T]
    plan: OffsetPlan
    state: ReadState = attrs.field(init=False)
    counter: ItemCounter = attrs.field(init=False)
    _failure: ResponseDecodeError | None = attrs.field(default=None, init=False)
    _last: _Accepted | None = attrs.field(default=None, init=False)
    _windows: WindowReader = attrs.field(init=False)
    _prefetcher: Prefetcher = attrs.field(init=False)
    _taker: PageTaker = attrs.field(init=False)
    _finder: SeamFinder = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        plan, resume = self.plan, self.plan.resume
        self.counter = ItemCounter.of(resume, plan.max_items)
        self.state = (
            ReadState.at_start(plan.offset) if resume is None else ReadState.from_token(resume)
        )
        if plan.handed_out is not None and resume is not None:
            self.state.know(plan.handed_out)
        sizes = PageSizes(plan.page_size, min(self.source.most, WIRE_MOST))
        if self.counter.left is not None and not sizes.is_auto:
            sizes.size = max(1, min(sizes.size, self.counter.left))
        self._windows = WindowReader(self.source, sizes, plan.skips_bad_rows)
        self._taker = PageTaker(self.state, sizes)
        self._finder = SeamFinder(self._windows, self._taker, self.state, plan.on_gap)
        position = self.state.position
        self._prefetcher = Prefetcher(
            self._windows,
            first=position if self.state.is_fresh else None,
            planned=position,
            prefetch=plan.prefetch,
            held_bytes=plan.held_bytes,
            enough=None if self.counter.left is None else position + self.counter.left,
        )

    @property
    def kind(self) -> RowType[T]:
        """How the rows are read, and what the caller gets for them."""
        return self.source.rows

    @property
    def _sizes(self) -> PageSizes:
        return self._windows.sizes

    async def next(self) -> Step | None:
        """Return the next page, or `None` at the end.

        Raises:
            PaginationError: when rows may be missing and the caller did not choose to go on.
            PostHogError: as `Session.fetch`.
        """
        if self.state.ended or self.counter.left == 0:
            self.state.ended = True
            return None
        failure, self._failure = self._failure, None
        cap = self._sizes.cap
        try:
            if failure is not None:
                raise failure
            facts, joined = await self._finder.find(await self._take())
            await self._finder.check_progress(facts)
        except PostHogError:
            self._prefetcher.drop()
            raise
        step = self._accept(facts, joined)
        # No await from here on: a caller that is cancelled would lose the page.
        if self._must_replan(step, cap):
            self._prefetcher.drop()
        elif self.state.doubted is None and self.state.short is None:
            self._prefetcher.fill()
        return step

    def _must_replan(self, step: Step, cap: int | None) -> bool:
        """Whether what is read ahead is of no use."""
        return step.next_offset is None or self._failure is not None or cap != self._sizes.cap

    async def _take(self) -> WindowPage:
        short = self.state.short
        if short is not None:
            start = max(short.window.start, short.visible_end - least_overlap(self._sizes.step))
            size = min(self._sizes.widest, short.reach - start)
            return await self._windows.read(Window(start, max(1, size)))
        if self.state.doubted is not None:
            # The listing most likely ends here.
            return await self._windows.read(self._prefetcher.window_at(self.state.position))
        if self.state.is_aligned:
            return await self._prefetcher.take(self.state.position)
        start = max(0, self.state.position - RESUMED_OVERLAP)
        return await self._windows.read(Window(start, max(1, self._sizes.widest)))

    # taking it

    def _accept(self, facts: PageFacts, joined: Joined) -> Step:
        state, page, fresh = self.state, facts.page, joined.fresh
        places = fresh
        if page.bad_rows:
            places = [place for place in fresh if place not in page.bad_rows]
        before, items = state.snapshot(), self.counter.total
        added = places[: self.counter.left]
        state.bad_rows += len(fresh) - len(places)
        self._taker.take(facts, fresh)
        if page.failure is None and len(added) == len(places):
            self._taker.remember(facts, fresh)
        else:
            # The page is not done with, so its rows prove nothing yet.
            state.seen.digests.add([facts.digests[place] for place in added])
        rows = _picked(page.rows, added)
        begins, self._failure = state.position, page.failure
        state.pages += 1
        self.counter.items += len(rows)
        if not rows and isinstance(asked := self._sizes.asked, int):
            # The few that are wanted are not among the next few.
            self._sizes.size = asked
        if self._failure is None:
            self._taker.move(page, fresh=len(fresh))
            self._finder.note_progress(page, fresh=len(fresh))
            if self.counter.left == 0 or self._finder.is_spent:
                state.ended = True
        # Rows that look alike are rows of their own on one page, and who knows what on two.
        state.contradictions += facts.has_twins and not (state.ended and state.pages == 1)
        self._last = _Accepted(facts, places, len(added), before, items)
        follows = None if state.ended else state.position
        return Step(rows, page.body, begins, follows, page.headers)

    # where it stands

    async def aclose(self) -> None:
        """Break off what is in flight."""
        await self._prefetcher.aclose()

    def report(self) -> ListingReport:
        """Return what was done so far."""
        state = self.state
        return ListingReport(
            items=self.counter.items,
            pages=state.pages,
            requests=self._windows.meter.requests,
            duplicates_dropped=state.duplicates,
            seams_repaired=state.repaired,
            rows_read_again=state.read_again,
            page_sizes=tuple(dict.fromkeys(self._sizes.used)),
            seams_unproven=state.unproven,
            moved=state.moved,
            contradictions=state.contradictions,
            rows_forgotten=state.seen.digests.forgotten,
            end_proven=state.end_proven,
            bad_rows=state.bad_rows,
            complete=state.ended and state.is_sound,
        )

    def settle(self) -> None:
        """Let go of the last page: all of it was yielded."""
        last = self._last
        if last is not None and len(last.places) == last.added and self._failure is None:
            # The event loop holds the task that read the page until its next turn, and so the page.
            last.page.rows.clear()
            self._last = None

    def token_at(self, yielded: int | None) -> str:
        """Return the token of the place after so many items of the last page, or after all."""
        last, subject = self._last, self.source.subject
        if last is None or (yielded in {None, len(last.places)} and self._failure is None):
            return token_of(self.state, subject, self.counter.total).text()
        count = last.added if yielded is None else yielded
        before = attrs.evolve(
            last.before, unproven=last.before.unproven + (not self.state.is_sound)
        )
        return token_of(before, subject, last.items + count, last.opened(count)).text()


def _picked(rows: list[Any], places: Sequence[int]) -> list[Any]:
    if isinstance(places, range):
        return rows[places.start : places.stop]
    return [rows[place] for place in places]
