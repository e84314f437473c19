"""Which rows of a page are known, and whether they show the time that they showed before."""

from collections.abc import Sequence
from typing import Any

import attrs

from posthog_env_async.converter import NAMELESS, RowType
from posthog_env_async.pagination.window_reader import WindowPage

from .page_times import PageTimes
from .read_state import ReadState

__all__ = ["PageFacts", "facts_of"]


@attrs.frozen
class PageFacts:
    """A page whose rows are sorted into `known` and `unknown` ones, by place.

    `digests` tell its rows apart within the process; a row that stands on the page twice is in
    `unknown` once. `has_twins` says that some without an id look alike: those are rows of their
    own, on one page. `is_contradictory` says that rows share an id and not all that they show.
    `proofs` are the known rows that show the same time of creation as before, `moved` those that
    show another, `tail` those that an earlier run handed out last.
    """

    page: WindowPage
    digests: Sequence[int] = attrs.field(repr=False)
    times: PageTimes = attrs.field(repr=False)
    known: Sequence[int]
    unknown: Sequence[int]
    proofs: Sequence[int] = ()
    moved: Sequence[int] = ()
    tail: Sequence[int] = ()
    has_twins: bool = False
    is_contradictory: bool = False

    @property
    def support(self) -> int:
        """How many known rows do not speak against the page."""
        return len(self.known) - len(self.moved)


def facts_of(page: WindowPage, state: ReadState, rows: RowType[Any]) -> PageFacts:
    """Sort the rows of a page into known and unknown ones."""
    digests = list(map(hash, page.keys))

    def stamp(place: int) -> str | None:
        return None if place in page.bad_rows else rows.stamp(page.rows[place])

    def stamps(places: Sequence[int]) -> list[str | None]:
        return rows.stamps([page.rows[place] for place in places])

    times = PageTimes(stamp, None if page.bad_rows else stamps)
    known = state.known_places(page.keys, digests)
    times.load([place for place in known if state.seen.is_timed(digests[place])])
    proofs, moved = list[int](), list[int]()
    for place in known:
        same = state.is_unmoved(page.keys[place], digests[place], times, place)
        if same is not None:
            (proofs if same else moved).append(place)
    tail = [place for place in known if state.is_earlier(page.keys[place])]
    unknown = _unknown(len(digests), known)
    facts = PageFacts(page, digests, times, known, unknown, proofs, moved, tail)
    return facts if len(set(digests)) == len(digests) else _told_apart(facts)


def _unknown(length: int, known: Sequence[int]) -> Sequence[int]:
    """Return the places that are not known: a range where it can be one."""
    if not known or known[-1] == len(known) - 1:
        return range(len(known), length)
    passed = set(known)
    return [place for place in range(length) if place not in passed]


def _told_apart(facts: PageFacts) -> PageFacts:
    """Leave out unknown rows that stand on the page before, unless nothing but text names them."""
    keys, rows, first = facts.page.keys, facts.page.rows, dict[str, int]()
    again = [place for place in facts.unknown if first.setdefault(keys[place], place) != place]
    named = {place for place in again if not keys[place].startswith(NAMELESS)}
    return attrs.evolve(
        facts,
        unknown=[place for place in facts.unknown if place not in named],
        has_twins=len(named) < len(again),
        is_contradictory=any(rows[place] != rows[first[keys[place]]] for place in named),
    )
