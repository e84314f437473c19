"""Whether a page joins what was read: a decision about plain values, taken without any request.

docs/design.md has the argument.
"""

from collections.abc import Sequence
from enum import Enum

import attrs

from .page_facts import PageFacts
from .read_state import ReadState

__all__ = ["ODD_SHARE", "Blurred", "Joined", "Place", "Verdict", "check_seam"]

ODD_SHARE = 8


@attrs.frozen
class Joined:
    """Nothing lies between what was read and the page; `fresh` are the places of its new rows."""

    fresh: Sequence[int]


class Place(Enum):
    """Where a page lies that does not join."""

    IN_FRONT = "before the rows read last"
    BEHIND = "behind the rows read last"


@attrs.frozen
class Blurred:
    """The page shows where an earlier run stopped, but also rows in front of those handed out last.

    They were handed out before, if the page begins in front of the `known` rows, and never if it
    begins among them. `by` rows further behind it may.
    """

    fresh: Sequence[int]
    known: int
    by: int


Verdict = Joined | Place | Blurred


def check_seam(state: ReadState, facts: PageFacts) -> Verdict:
    """Decide whether a page joins, or on which side of the rows read last it lies."""
    if state.needs_no_proof(facts.page.window.start):
        return Joined(facts.unknown)
    if _is_proven(state, facts):
        return _blurred(state, facts) or Joined(facts.unknown)
    return _side(state, facts)


def _is_proven(state: ReadState, facts: PageFacts) -> bool:
    """Whether a row shows that the page begins at or before the rows read last.

    It has to be known, to show the same time as before, and to stand before nearly all unknown
    rows, for those come behind it; the more such rows there are, the more may be odd. One alone
    might be a row that moved before its time did, so it has to be all that was expected.
    """
    if not facts.proofs:
        return not facts.unknown and facts.support > 1
    expected = state.position - facts.page.window.start
    if facts.support < 2 and expected != 1 and facts.unknown:
        return False
    allowed = len(facts.unknown) // ODD_SHARE + len(facts.proofs) - 1
    return any(_unknown_before(state, facts, place) <= allowed for place in facts.proofs[:3])


def _unknown_before(state: ReadState, facts: PageFacts, proof: int) -> int:
    """Count the unknown rows in front of a known one that are not as old or of the time before."""
    created, count = facts.times[proof], 0
    for place in facts.unknown:
        if place > proof:
            break
        other = facts.times[place]
        if created is None or other is None or other <= created:
            continue
        count += state.front is None or other <= state.front
    return count


def _blurred(state: ReadState, facts: PageFacts) -> Blurred | None:
    """Say whether unknown rows stand in front of those that an earlier run handed out last.

    Between those, and where rows show the time of one of them, all that were handed out are known.
    """
    tail = facts.tail
    if not tail or state.is_whole:
        return None
    newest, count = facts.times[tail[0]], 0
    for place in facts.unknown:
        if place > tail[0]:
            break
        time = facts.times[place]
        count += time is None or newest is None or time > newest
    return Blurred(facts.unknown, len(tail), count) if count else None


def _side(state: ReadState, facts: PageFacts) -> Place:
    """Guess where to look first: a known row has to prove it."""
    rows = facts.unknown or facts.known
    middle = facts.times.middle(rows) if rows else None
    if facts.unknown and middle is not None and state.frontier is not None:
        return Place.IN_FRONT if middle > state.frontier else Place.BEHIND
    return Place.BEHIND
