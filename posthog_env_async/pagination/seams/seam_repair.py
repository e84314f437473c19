"""Finding the page that joins where the next one does not: bridges, steps back and forward."""

from typing import Literal

import attrs

from posthog_env_async.errors import PaginationError
from posthog_env_async.pagination.prefetch import least_overlap
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage, WindowReader

from .page_facts import PageFacts, facts_of
from .page_taker import PageTaker
from .read_state import ReadState
from .seam_check import Joined, check_seam
from .seam_search import Found, Gap, SeamSearch

__all__ = ["OnGap", "SeamFinder"]

OnGap = Literal["raise", "report"]

IDLE_PAGES = 3
MOST_FRUITLESS = 140
EMPTY_COSTS = 2
MOST_ANSWERS = 32
ANSWERS_A_WINDOW = 12
FIRST_STEP = 4
MOST_EMPTY = 2_000


@attrs.define
class SeamFinder:
    """Reads windows until one joins what was read, within bounds.

    A run takes at most 32 answers, and 12 for each window of use: one that brought a row, or rows
    of a page that an earlier run did not finish, or that showed none though rows follow.
    """

    windows: WindowReader
    taker: PageTaker
    state: ReadState
    on_gap: OnGap
    is_spent: bool = attrs.field(default=False, init=False)
    _fruitless: int = attrs.field(default=0, init=False)
    _deepest: int = attrs.field(default=0, init=False)
    _useful: int = attrs.field(default=1, init=False)

    async def find(self, page: WindowPage) -> tuple[PageFacts, Joined]:
        """Return the page, or another one that joins instead.

        Raises:
            PaginationError: when there is none, and `on_gap` is `"raise"`.
        """
        self.taker.is_repaired = False
        self._fruitless += 1
        facts = self.facts(page)
        verdict = check_seam(self.state, facts)
        if isinstance(verdict, Joined) and self.state.is_begun:
            return facts, verdict
        return await self._bridge(facts) or await self._search(facts)

    def facts(self, page: WindowPage) -> PageFacts:
        """Sort the rows of a page."""
        return facts_of(page, self.state, self.windows.source.rows)

    async def _bridge(self, facts: PageFacts) -> tuple[PageFacts, Joined] | None:
        """Take a page behind rows that the server drops, between two equal answers in front of it.

        No row can prove such a page. That the window before it shows the same before and after
        does, unless rows are known to move.
        """
        anchor, state = _anchor(self.state, facts), self.state
        if anchor is None or (state.has_shifted and not state.is_cornered):
            return None
        self.taker.is_repaired = True
        if not facts.page.keys and facts.page.end is not None and not state.has_shifted:
            # Nothing is taken from it; the page that ends the run of dropped rows is looked after.
            return facts, Joined(())
        state.anchor = None
        if facts.page.keys:
            # What was read ahead is of an earlier moment.
            facts = self.facts(await self._again(facts.page.window))
            if isinstance(verdict := check_seam(state, facts), Joined):
                return facts, verdict
        after = await self._again(anchor.window)
        is_changed = after.keys != anchor.keys or after.end != anchor.end
        if is_changed or await self._shows_rows(state.dropped[:-1]):
            state.has_shifted, self.taker.is_repaired = True, False
            return None
        state.unproven += state.has_shifted
        self._fruitless = 0
        return facts, Joined(facts.unknown)

    async def _shows_rows(self, windows: tuple[Window, ...]) -> bool:
        """Read windows that showed no row once more, the last one first.

        Rows move to the front when others in front of them vanish, so none passes unseen this way.
        """
        for window in reversed(windows):
            if (await self._again(window)).keys:
                return True
        return False

    async def _search(self, facts: PageFacts) -> tuple[PageFacts, Joined]:
        state = self.state
        width = max(1, self.windows.sizes.widest)
        step = FIRST_STEP * max(1, least_overlap(self.windows.sizes.step))
        search = SeamSearch(
            state.floor, width, step, can_begin_anew=state.is_whole, is_begun=state.is_begun
        )
        position, asked = state.position, facts
        while True:
            search = attrs.evolve(search, width=max(1, self.windows.sizes.widest))
            decision, search = search.decide(check_seam(state, facts), facts.page)
            if isinstance(decision, Found):
                self.taker.note_repair(position - facts.page.window.start)
                return facts, decision.joined
            if isinstance(decision, Gap):
                return asked, self._gap(decision, asked)
            if self._is_over:
                return asked, self._gap(Gap("the rows move faster than they can be read"), asked)
            facts = self.facts(await self._again(decision.window))

    def _gap(self, gap: Gap, facts: PageFacts) -> Joined:
        if self.on_gap == "raise":
            raise PaginationError(
                f"near offset {self.state.position}, {gap.reason}: rows may be missing or come"
                " twice; start over, or iterate(on_gap='report') to go on and be told in the report"
            )
        self.state.unproven += 1
        return Joined(facts.unknown)

    async def _again(self, window: Window) -> WindowPage:
        page = await self.windows.read(window)
        self._fruitless += 1
        self.state.read_again += len(page.keys)
        return page

    async def check_progress(self, facts: PageFacts) -> None:
        """Now and then see whether pages without anything new are new pages at all.

        Raises:
            PaginationError: when the server ignores the offset, or never comes to an end.
        """
        state, page = self.state, facts.page
        is_fruitless = self._fruitless > MOST_FRUITLESS or self._is_over
        if self.taker.empty > MOST_EMPTY or is_fruitless:
            self._give_up(page)
        if not state.idle or state.idle % IDLE_PAGES or not page.keys or page.window.start == 0:
            return
        first = await self._again(Window(0, page.window.limit))
        if first.keys == page.keys and first.keys == (await self._again(page.window)).keys:
            raise PaginationError(
                "the server ignores the offset: it answers the first rows again for each page"
            )

    @property
    def _is_over(self) -> bool:
        """Whether the run took as many answers as it may."""
        return self.windows.answers >= MOST_ANSWERS + ANSWERS_A_WINDOW * self._useful

    def _give_up(self, page: WindowPage) -> None:
        if self.on_gap == "raise":
            raise PaginationError(
                f"the server names more pages, and those near offset {page.window.start} bring"
                " nothing new: rows come in front faster than they are read, or it has no end"
            )
        self.state.unproven += 1
        self.is_spent = True

    def note_progress(self, page: WindowPage, *, fresh: int) -> None:
        """Note a page that was taken, with so many new rows."""
        is_ahead = not page.keys and page.end is not None
        self._useful += bool(fresh) or is_ahead or self.taker.shows_open_rows
        if fresh or self.taker.shows_open_rows:
            self._fruitless = 0
        elif page.window.start > self._deepest and not page.keys and not self.state.ended:
            self._fruitless = max(0, self._fruitless - EMPTY_COSTS)
        self._deepest = max(self._deepest, page.window.start)


def _anchor(state: ReadState, facts: PageFacts) -> WindowPage | None:
    """Return the page right in front of this one, when it showed no new row."""
    anchor, start = state.anchor, facts.page.window.start
    if anchor is None:
        return None
    # A page without any row may be all that is left, and then says nothing of where it ends.
    reach = anchor.reach if anchor.keys else max(anchor.reach, anchor.window.end)
    if not anchor.window.start <= start <= reach:
        return None
    is_full = anchor.end is not None and anchor.length == anchor.reach - anchor.window.start
    if is_full and anchor.window.limit > 1:
        # It dropped no row, so that a page behind it would show one of it.
        return None
    return anchor
