"""Where the bounds of joining lie: how many odd rows a page may show, case by case."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from posthog_env_async.pagination.seams.earlier_rows import EarlierRows
from posthog_env_async.pagination.seams.page_facts import PageFacts
from posthog_env_async.pagination.seams.page_times import PageTimes
from posthog_env_async.pagination.seams.read_state import ReadState
from posthog_env_async.pagination.seams.seam_check import Blurred, Joined, Place, check_seam
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage

NEWEST = 59


def page(start: int, length: int) -> WindowPage:
    keys = [f"{start}-{place}" for place in range(length)]
    return WindowPage(Window(start, length), start + length, [{}] * length, keys, b"", length)


def facts(
    seconds: Sequence[int | None],
    *,
    known: Sequence[int] = (),
    proofs: Sequence[int] | None = None,
    moved: Sequence[int] = (),
    tail: Sequence[int] = (),
    start: int = 10,
    is_last: bool = False,
) -> PageFacts:
    """Describe a page by the second in which each of its rows was made, and which are known."""
    unknown = [place for place in range(len(seconds)) if place not in known]
    read = page(start, len(seconds))
    return PageFacts(
        attrs.evolve(read, end=None) if is_last else read,
        range(len(seconds)),
        times(seconds),
        known,
        unknown,
        [place for place in known if place not in moved] if proofs is None else proofs,
        moved,
        tail,
    )


def times(seconds: Sequence[int | None]) -> PageTimes:
    def stamp(place: int) -> str | None:
        second = seconds[place]
        return None if second is None else f"1970-01-01T00:00:{second:02}Z"

    return PageTimes(stamp)


def state(position: int = 11, **fields: Any) -> ReadState:
    """Stand at a position, with one row seen, so that a window has to prove itself."""
    made = ReadState(position, **fields)
    made.seen.remember([-1], times([NEWEST]))
    return made


def test_where_the_listing_begins_nothing_has_to_be_proven() -> None:
    fresh = ReadState.at_start(5)

    assert check_seam(fresh, facts([9, 8], start=5)) == Joined([0, 1])
    assert check_seam(fresh, facts([9, 8], start=0)) is Place.BEHIND


def test_a_run_that_knows_all_rows_needs_no_proof_at_row_0() -> None:
    assert check_seam(state(), facts([9, 8], start=0)) == Joined([0, 1])
    assert check_seam(state(knows_all=False), facts([9, 8], start=0)) is Place.BEHIND
    assert check_seam(state(first=5), facts([9, 8], start=5)) is Place.BEHIND


def test_the_last_known_row_in_front_of_new_ones_joins_them() -> None:
    assert check_seam(state(11), facts([9, 8, 7], known=[0])) == Joined([1, 2])


def test_one_known_row_where_more_were_expected_proves_nothing() -> None:
    assert check_seam(state(12), facts([9, 8, 7], known=[0])) is Place.BEHIND
    assert check_seam(state(12), facts([9, 8, 7], known=[0, 1])) == Joined([2])


def test_a_page_of_one_known_row_joins_wherever_it_was_expected() -> None:
    assert check_seam(state(12), facts([9], known=[0])) == Joined([])


def test_known_rows_without_a_time_join_only_where_nothing_is_new() -> None:
    known = {"known": [0, 1], "proofs": []}

    assert check_seam(state(12), facts([9, 8], **known)) == Joined([])
    assert check_seam(state(12), facts([9, 8, 7], **known)) is Place.BEHIND
    assert check_seam(state(11), facts([9], known=[0], proofs=[])) is Place.BEHIND


def test_a_row_that_moved_is_no_support() -> None:
    moved = facts([9, 8, 7], known=[0, 1], moved=[1])

    assert check_seam(state(12), moved) is Place.BEHIND
    assert check_seam(state(11), moved) == Joined([2])
    assert check_seam(state(12), facts([9, 8], known=[0, 1], moved=[0, 1])) is Place.BEHIND


@pytest.mark.parametrize(
    ("unknown", "odd", "joins"),
    [
        (2, 0, True),
        (2, 1, False),
        (3, 2, True),
        (3, 3, False),
        (19, 2, True),
        (19, 3, False),
        (20, 3, True),
        (20, 4, False),
    ],
)
def test_two_new_rows_and_one_in_twenty_may_stand_in_front(
    unknown: int, odd: int, joins: bool
) -> None:
    rows = [*[20] * odd, 10, *[5] * (unknown - odd)]

    verdict = check_seam(state(11), facts(rows, known=[odd]))

    assert isinstance(verdict, Joined) is joins


def test_where_more_than_one_proof_is_asked_for_one_more_may_stand_in_front() -> None:
    assert check_seam(state(12), facts([20, 10, 10, 5], known=[1, 2])) == Joined([0, 3])
    assert check_seam(state(12), facts([20, 20, 10, 10], known=[2, 3])) is Place.BEHIND


@pytest.mark.parametrize(
    ("expected", "whole", "needed"),
    [
        *[(2, True, 2), (3, True, 2), (5, True, 3), (6, True, 3), (7, True, 4), (80, True, 4)],
        *[(2, False, 2), (80, False, 2)],
    ],
)
def test_half_of_the_known_rows_are_asked_for_or_four(
    expected: int, whole: bool, needed: int
) -> None:
    at = state(10 + expected, knows_all=whole)

    enough = check_seam(at, facts([10] * needed + [5], known=range(needed)))
    too_few = check_seam(at, facts([10] * (needed - 1) + [5], known=range(needed - 1)))

    assert (enough, too_few) == (Joined([needed]), Place.BEHIND)


def test_many_known_rows_are_looked_at_here_and_there() -> None:
    assert check_seam(state(50), facts([10] * 40 + [5], known=range(40))) == Joined([40])
    assert check_seam(state(50), facts([20] * 4 + [10] * 40, known=range(4, 44))) is Place.BEHIND


@pytest.mark.parametrize("in_front", [10, 9, None])
def test_rows_in_front_that_are_as_old_or_of_no_time_are_not_odd(in_front: int | None) -> None:
    assert check_seam(state(11), facts([in_front, 10, 5], known=[1])) == Joined([0, 2])


def test_a_known_row_without_a_time_finds_no_row_odd() -> None:
    assert check_seam(state(11), facts([20, None, 5], known=[1])) == Joined([0, 2])


def test_rows_in_front_that_came_after_the_run_began_are_not_odd() -> None:
    assert check_seam(state(11, front=15_000), facts([20, 10, 5], known=[1])) == Joined([0, 2])
    assert check_seam(state(11, front=20_000), facts([20, 10, 5], known=[1])) == Joined([0, 2])
    assert not isinstance(
        check_seam(state(11, front=20_001), facts([20, 10, 5], known=[1])), Joined
    )


def test_every_row_in_front_is_looked_at() -> None:
    for known_before in (None, 10):
        assert check_seam(state(11), facts([known_before, 20, 10], known=[2])) is Place.BEHIND
    assert check_seam(state(11, front=15_000), facts([20, 12, 10], known=[2])) is Place.BEHIND


EARLIER = EarlierRows({b"a": b"", b"b": b""}, frozenset())


def resumed(**fields: Any) -> ReadState:
    """Stand where a token stands that names two rows, of more."""
    given = {"knows_all": False, "is_aligned": False, "earlier": EARLIER, **fields}
    return state(12, **given)


def test_new_rows_in_front_of_those_handed_out_last_leave_it_open() -> None:
    open_page = facts([20, 10, 9, 5], known=[1, 2], tail=[1, 2])

    assert check_seam(resumed(), open_page) == Blurred([0, 3], known=2, by=1)


def test_every_newer_row_in_front_counts() -> None:
    open_page = facts([20, 19, 9, 5], known=[2], tail=[2], start=11)

    assert check_seam(resumed(), open_page) == Blurred([0, 1, 3], known=1, by=2)


def test_rows_without_a_time_in_front_leave_it_open_too() -> None:
    assert check_seam(resumed(), facts([None, 10, 9], known=[1, 2], tail=[1, 2])) == Blurred(
        [0], known=2, by=1
    )
    assert check_seam(resumed(), facts([20, None, 9], known=[1, 2], tail=[1, 2])) == Blurred(
        [0], known=2, by=1
    )


def test_rows_as_old_as_those_handed_out_last_or_behind_them_do_not() -> None:
    assert check_seam(resumed(), facts([10, 10, 9, 30], known=[1, 2], tail=[1, 2])) == Joined(
        [0, 3]
    )
    assert check_seam(resumed(front=19_000), facts([18, 10, 9], known=[1, 2], tail=[1, 2])) == (
        Joined([0])
    )


def test_rows_without_a_time_behind_those_handed_out_last_are_new() -> None:
    untimed = facts([10, 9, None], known=[0, 1], tail=[0, 1])

    assert check_seam(resumed(), untimed) == Joined([2])


def test_rows_as_old_as_one_that_a_token_does_not_name_leave_it_open() -> None:
    open_page = facts([20, 10, 9], known=[1, 2], tail=[1, 2])

    assert check_seam(resumed(front=20_000), open_page) == Blurred([0], known=2, by=1)
    assert check_seam(resumed(front=20_001), open_page) == Joined([0])


def test_a_window_is_to_begin_behind_the_last_row_that_is_open() -> None:
    open_page = facts([30, 25, 20, 10, 9], known=[1, 3, 4], tail=[3, 4])

    assert check_seam(resumed(front=15_000), open_page) == Blurred([0, 2], known=3, by=3)


def test_rows_that_an_earlier_run_passed_long_ago_say_nothing() -> None:
    passed = facts([20, 19], known=[0, 1], proofs=[])

    assert check_seam(resumed(front=15_000), passed) is Place.BEHIND
    assert check_seam(resumed(front=15_000, frontier=9_000), passed) is Place.IN_FRONT
    assert check_seam(resumed(front=15_000, is_aligned=True, frontier=9_000), passed) is (
        Place.IN_FRONT
    )
    assert check_seam(resumed(front=25_000, is_aligned=True), passed) == Joined([])
    assert check_seam(resumed(is_aligned=True), passed) == Joined([])
    assert check_seam(resumed(knows_all=True, front=15_000), passed) == Joined([])


def test_a_run_that_stands_behind_a_token_hands_out_no_row_in_front_of_that() -> None:
    in_front = facts([20, 10, 9, 5], known=[1, 2])

    assert check_seam(resumed(is_aligned=True, front=15_000), in_front) == (
        Blurred([0, 3], known=2, by=1)
    )
    assert check_seam(resumed(is_aligned=True), in_front) == Joined([0, 3])


def test_one_row_proves_where_a_token_names_no_more() -> None:
    one = facts([10, 9], known=[0], tail=[0])
    fewer = EarlierRows({b"a": b""}, frozenset())

    assert check_seam(resumed(), one) is Place.BEHIND
    assert check_seam(resumed(earlier=fewer), one) == Joined([1])


def test_an_end_is_the_end_of_rows_that_prove() -> None:
    last = {"known": [0, 1], "is_last": True}

    assert check_seam(state(12), facts([9, 8], proofs=[], **last)) is Place.BEHIND
    assert check_seam(state(12), facts([9, 8], proofs=[1], **last)) is Place.BEHIND
    assert check_seam(state(12), facts([9, 8], **last)) == Joined([])
    assert check_seam(state(11), facts([9, 8], proofs=[0], **last)) == Joined([])


def test_a_run_that_knows_all_rows_leaves_nothing_open() -> None:
    assert check_seam(state(12), facts([20, 10, 9], known=[1, 2], tail=[1, 2])) == Joined([0])


@pytest.mark.parametrize(
    ("frontier", "place"),
    [(10_000, Place.BEHIND), (9_999, Place.IN_FRONT), (11_000, Place.BEHIND), (None, Place.BEHIND)],
)
def test_a_page_of_new_rows_lies_where_their_middle_time_says(
    frontier: int | None, place: Place
) -> None:
    assert check_seam(state(11, frontier=frontier), facts([30, 10, 5])) is place


def test_a_page_that_says_nothing_lies_behind() -> None:
    assert check_seam(state(11, frontier=0), facts([])) is Place.BEHIND
    assert check_seam(state(11, frontier=0), facts([None, None])) is Place.BEHIND
    assert check_seam(state(11), facts([9], known=[0], proofs=[])) is Place.BEHIND


def test_a_page_of_known_rows_that_prove_nothing_lies_where_they_were_made() -> None:
    one = facts([9], known=[0], proofs=[])

    assert check_seam(state(11, frontier=0), one) is Place.IN_FRONT
    assert check_seam(state(11, frontier=9_000), one) is Place.BEHIND
