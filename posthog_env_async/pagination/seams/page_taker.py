"""What a page that joins changes: what is remembered, where the run goes on, and when it ends."""

from collections.abc import Sequence

import attrs

from posthog_env_async.pagination.page_size import LEAST_CAP, PageSizes
from posthog_env_async.pagination.prefetch import OVERLAP
from posthog_env_async.pagination.resume_token import digest
from posthog_env_async.pagination.window_reader import WindowPage

from .end_check import End, check_end, claims_more
from .page_facts import PageFacts
from .page_times import SAMPLE
from .read_state import ReadState

__all__ = ["PageTaker"]

MOST_OVERLAP = 256
CLEAN_PAGES = 8


@attrs.define
class PageTaker:
    """Takes pages that join into the state of a run.

    `empty` counts pages in a row without any row. `is_repaired` says that the page in hand was
    searched for, so that it need not show what the next page would have shown; `shows_open_rows`
    that it shows rows of a page that an earlier run did not finish.
    """

    state: ReadState
    sizes: PageSizes
    empty: int = attrs.field(default=0, init=False)
    is_repaired: bool = attrs.field(default=False, init=False)
    _was_repaired: bool = attrs.field(default=False, init=False)
    shows_open_rows: bool = attrs.field(default=False, init=False)
    _clean: int = attrs.field(default=0, init=False)

    def take(self, facts: PageFacts, fresh: Sequence[int]) -> None:
        """Note what a page shows of the set, of which the `fresh` rows are handed out."""
        self.state.contradictions += facts.is_contradictory
        self._note_known(facts, len(fresh))
        self.shows_open_rows = self._shows_open_rows(facts)
        self._note_doubled(facts, fresh)
        self._note_front(facts)

    def _shows_open_rows(self, facts: PageFacts) -> bool:
        """Whether a page shows rows of one that an earlier run did not finish.

        Others of that page stand between them, so none of it may be stepped over.
        """
        earlier, keys = self.state.earlier, facts.page.keys
        if earlier is None or not earlier.handed:
            return False
        return not earlier.handed.isdisjoint([digest(keys[place]) for place in facts.known])

    def _note_doubled(self, facts: PageFacts, fresh: Sequence[int]) -> None:
        """Doubt rows that may be some that an earlier run handed out and the token does not name.

        Those stand in front of where that run stopped; only where it stopped may one of them show
        another time, and stand among or behind the rows that the token names.
        """
        state = self.state
        if state.earlier is None or state.knows_all or state.front is None:
            return
        if facts.tail or not state.is_aligned:
            facts.times.load(fresh)
            times = [facts.times[place] for place in fresh]
        else:
            times = [facts.times.middle(fresh[:SAMPLE])]
        state.contradictions += any(time is not None and time >= state.front for time in times)

    def _note_known(self, facts: PageFacts, fresh: int) -> None:
        """Count rows that came again, and note whether rows move."""
        state, page = self.state, facts.page
        expected, again = max(0, state.position - page.window.start), len(page.keys) - fresh
        state.moved += len(facts.moved)
        state.has_ghosts = state.has_ghosts or page.length < page.reach - page.window.start
        self.sizes.accepted()
        if not state.is_aligned:
            return
        if state.short is not None or state.doubted is not None:
            # Asked for by the rows that came, so it shows once more whatever stood behind those.
            return
        state.duplicates += max(0, again - expected)
        is_in_turn = not (self.is_repaired or self._was_repaired)
        self._was_repaired = self.is_repaired
        if (again > expected and is_in_turn) or (again < expected and not state.has_ghosts):
            state.has_shifted = True
        elif self.sizes.overlap > 1:
            self._clean += 1
            if self._clean % CLEAN_PAGES == 0:
                self.sizes.overlap //= 2

    def _note_front(self, facts: PageFacts) -> None:
        """Note when the first row was made that this run stands at: what is newer lies in front."""
        state = self.state
        if not state.is_aligned:
            if state.front is None:
                state.front = facts.times[facts.tail[0]] if facts.tail else state.frontier
            state.is_aligned = True
        elif state.first and state.is_fresh and facts.page.keys:
            newest = facts.times[0]
            state.front = None if newest is None else newest + 1

    def remember(self, facts: PageFacts, fresh: Sequence[int]) -> None:
        """Remember the rows of a page that is done with."""
        state, keys, times = self.state, facts.page.keys, facts.times
        if not keys:
            return
        rows = fresh or facts.proofs or facts.known
        middle = times.middle(rows[-SAMPLE:])
        if fresh and not self.is_repaired:
            state.seen.distrust(middle)
        tied = state.seen.remember(facts.digests, times)
        if rows and (middle is None or state.frontier is None or middle <= state.frontier):
            state.reach(keys, times, tied, middle)
            if state.earlier is not None:
                known = [digest(keys[place]) for place in facts.known]
                state.earlier = state.earlier.after(known).behind(middle)
        elif fresh:
            state.set_aside([keys[place] for place in fresh], times[fresh[-1]])

    def move(self, page: WindowPage, *, fresh: int) -> None:
        """Go on to the next position, or end."""
        state = self.state
        self._count_idle(page, fresh)
        state.anchor, state.is_cornered = None if fresh else page, self.is_repaired
        is_dropped = not page.keys and page.end is not None
        state.dropped = (*state.dropped, page.window) if is_dropped else ()
        if fresh and state.doubted is not None:
            state.is_doubted = True
        end = check_end(state, page, self.sizes, fresh=fresh)
        state.doubted = page if end is End.DOUBTFUL else None
        if fresh and end is End.DOUBTFUL:
            # Rows that the server drops may follow.
            state.anchor = page
        before, state.short = state.short, None
        if before is not None and end is End.NONE:
            self._settle_short(before, page, fresh)
        elif end is End.NONE:
            self._go_on(page)
        elif end is End.DOUBTFUL:
            self._doubt(page, fresh)
        else:
            state.ended, state.position = True, page.visible_end
            state.end_proven = end is End.PROVEN
            state.contradictions += end is End.CONTRADICTED

    def _go_on(self, page: WindowPage) -> None:
        """Go on where `next` says, or behind the rows that came if the rest is not accounted for.

        A server that cuts a page and counts on as if it had not looks like one that drops rows.
        """
        state, sizes = self.state, self.sizes
        raw = page.reach - page.window.start
        dropped = raw - page.length
        if sizes.is_served(raw, dropped):
            sizes.serve(raw, dropped)
            state.position = page.reach + self._skip(page)
        elif page.length:
            state.short, state.position = page, page.visible_end
        else:
            # No cap hides a whole page.
            sizes.serve(raw, 0)
            state.position = page.reach

    def _settle_short(self, short: WindowPage, page: WindowPage, fresh: int) -> None:
        """Tell from the rest of a window whether the server dropped its rows or cut it."""
        state, raw = self.state, short.reach - short.window.start
        if fresh or not set(page.keys).issubset(short.keys):
            self.sizes.cap_at(min(raw, max(LEAST_CAP, short.length)))
            state.position = page.visible_end
        elif page.reach >= short.reach and page.window.start >= short.visible_end - OVERLAP:
            self.sizes.serve(raw, raw - short.length)
            state.position = page.reach
        else:
            self._go_on(page)

    def _count_idle(self, page: WindowPage, fresh: int) -> None:
        state = self.state
        if fresh:
            state.idle = state.idle_ends = self.empty = 0
        elif not page.keys:
            self.empty += 1
        elif not self.is_repaired:
            state.idle += 1

    def _skip(self, page: WindowPage) -> int:
        """Return how far to jump ahead when page after page shows rows that came before."""
        idle = self.state.idle
        if not page.keys or self.shows_open_rows or idle < 2:
            return 0
        return ((1 << idle - 1) - 1) * page.window.limit

    def _doubt(self, page: WindowPage, fresh: int) -> None:
        """Ask on behind the last row that came, for no more rows than the server gave at once."""
        state = self.state
        state.idle_ends += not fresh
        claims = claims_more(page, self.sizes)
        if (fresh or claims or not state.has_ghosts) and page.length < page.window.limit:
            self.sizes.cap_at(min(page.window.limit, max(LEAST_CAP, page.length)))
        beyond = page.visible_end
        if claims and not fresh and not self._may_show_rows(page):
            beyond = page.window.end
        state.position = beyond if fresh else max(state.position, beyond)

    def _may_show_rows(self, page: WindowPage) -> bool:
        """Whether a page without rows may be of rows that the server dropped, and cut."""
        return not page.keys and page.window.limit > LEAST_CAP

    def note_repair(self, shift: int) -> None:
        """Overlap by more for a while: a set that moved by so much may do so again."""
        self.state.repaired += 1
        self._clean, self.is_repaired = 0, True
        wider = max(self.sizes.overlap, 2 * shift)
        self.sizes.overlap = min(wider, MOST_OVERLAP)
