"""Whether a page joins what was read: a decision about plain values, taken without any request.

docs/design.md has the argument.
"""

from collections.abc import Sequence
from enum import Enum

import attrs

from .page_facts import PageFacts
from .read_state import ReadState

__all__ = ["ODD_SHARE", "Blurred", "Joined", "Place", "Verdict", "check_seam"]

ODD_SHARE = 20
FEW_ODD = 2
LEAST_NEEDED = 2
MOST_NEEDED = 4
MOST_LOOKED_AT = 8


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
    """The page shows where a run reads on, but also rows in front of that.

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
    """Whether rows show that the page begins at or before the rows read last.

    They have to be known, to show the same time as before, and to stand before nearly all unknown
    rows, for those come behind them. A few alone might be rows that moved before their time did,
    so half of those that were expected are asked for, or four.
    """
    if _is_passed(state, facts):
        return False
    is_last = facts.page.end is None
    if not facts.proofs:
        return not facts.unknown and facts.support > 1 and not is_last
    if not facts.unknown:
        # It hands out nothing, but an end has to be the end of what was read.
        return not is_last or len(facts.proofs) >= min(LEAST_NEEDED, _needed(state, facts))
    allowed = FEW_ODD + len(facts.unknown) // ODD_SHARE if len(facts.unknown) > FEW_ODD else 0
    needed = _needed(state, facts)
    allowed += needed > 1
    proofs = facts.proofs[:: max(1, len(facts.proofs) // MOST_LOOKED_AT)]
    return sum(_unknown_before(state, facts, place) <= allowed for place in proofs) >= needed


def _is_passed(state: ReadState, facts: PageFacts) -> bool:
    """Whether a page shows known rows that say nothing of where an earlier run stopped.

    That one passed them long ago, and between them and its end stand rows without a name.
    """
    if state.earlier is None or state.knows_all:
        return False
    if not state.is_aligned:
        return not set(facts.tail).intersection(facts.proofs)
    if facts.unknown or state.front is None:
        return False
    middle = facts.times.middle(facts.known)
    return middle is not None and middle >= state.front


def _needed(state: ReadState, facts: PageFacts) -> int:
    """Return how many known rows a page needs, of which so many were expected."""
    expected = state.position - facts.page.window.start
    most = MOST_NEEDED if state.is_whole else LEAST_NEEDED
    if state.earlier is not None and not state.is_aligned:
        # A token may name fewer rows.
        most = max(1, min(most, len(state.earlier.tail)))
    least = min(LEAST_NEEDED, most)
    if facts.support < least and expected != 1:
        return least
    if expected <= 0:
        # Deeper than the run stands: a row or two may show a time that they do not stand at yet.
        return most
    return max(1, min(most, (expected + 1) // 2 if expected > LEAST_NEEDED else expected))


def _unknown_before(state: ReadState, facts: PageFacts, proof: int) -> int:
    """Count the unknown rows in front of a known one that are not as old or of the time before."""
    created, count, front = facts.times[proof], 0, _front(state, facts)
    for place in facts.unknown:
        if place > proof:
            break
        other = facts.times[place]
        if created is None or other is None or other <= created:
            continue
        count += front is None or other < front
    return count


def _front(state: ReadState, facts: PageFacts) -> int | None:
    """Return the time of creation from which on rows lie in front of what this run reads."""
    if state.front is not None or state.is_aligned or not facts.tail:
        return state.front
    newest = facts.times[facts.tail[0]]
    return None if newest is None else newest + 1


def _blurred(state: ReadState, facts: PageFacts) -> Blurred | None:
    """Say whether unknown rows stand in front of where this run reads, in front of known ones.

    They were handed out before, and the token does not name them, if the page begins there.
    """
    first = _first_named(state, facts)
    if first is None:
        return None
    front, reach = _front(state, facts), 0
    for place in facts.unknown:
        time = facts.times[place]
        if time is not None and front is not None and time < front:
            # The server shows the newest rows first.
            break
        if time is not None or place < first:
            reach = place + 1
    return Blurred(facts.unknown, len(facts.known), reach) if reach else None


def _first_named(state: ReadState, facts: PageFacts) -> int | None:
    """Return the place of the first row that a run reads on from, if rows may lack a name."""
    if state.earlier is None or state.is_whole:
        return None
    if facts.tail:
        return facts.tail[0]
    is_timed = state.is_aligned and not state.knows_all and state.front is not None
    return facts.proofs[0] if is_timed and facts.proofs else None


def _side(state: ReadState, facts: PageFacts) -> Place:
    """Guess where to look first: a known row has to prove it."""
    middle = facts.times.middle(facts.unknown or facts.known)
    if middle is not None and state.frontier is not None:
        return Place.IN_FRONT if middle > state.frontier else Place.BEHIND
    return Place.BEHIND
