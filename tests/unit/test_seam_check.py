"""Whether a page joins what was read, and what to do when not: decisions without a server."""

from typing import Any

import attrs
import pytest

from posthog_env_async.converter import RowType
from posthog_env_async.pagination.page_size import PageSizes
from posthog_env_async.pagination.resume_token import fingerprint_of
from posthog_env_async.pagination.seams.end_check import End, check_end
from posthog_env_async.pagination.seams.page_facts import PageFacts, facts_of
from posthog_env_async.pagination.seams.page_taker import PageTaker
from posthog_env_async.pagination.seams.read_state import ReadState
from posthog_env_async.pagination.seams.seam_check import Blurred, Joined, Place, check_seam
from posthog_env_async.pagination.seams.seam_search import (
    Found,
    Gap,
    SeamSearch,
    StepBack,
    StepForward,
)
from posthog_env_async.pagination.seams.state_token import token_of
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage

ROWS: RowType[Any] = RowType(lambda row: row, lambda row: row[0], lambda row: row[1])
SUBJECT = fingerprint_of("host", "1", "persons/", ())


def page(
    start: int, rows: str, *, moved: str = "", limit: int = 10, more: bool = True
) -> WindowPage:
    """Make a page of rows named by letters; `a` was created last, `z` first."""
    times = {row: ord("z") - ord(row.lower()) for row in rows}
    texts = [(row, f"1970-01-01T00:00:{times[row] + 30 * (row in moved):02}Z") for row in rows]
    end = start + limit if more else None
    return WindowPage(Window(start, limit), end, texts, list(rows), b"", len(rows))


def state_after(*pages: WindowPage) -> ReadState:
    """Return the state of a run that took pages."""
    state = ReadState.at_start(0)
    taker = PageTaker(state, PageSizes(10, 1_000))
    for taken in pages:
        facts = facts_of(taken, state, ROWS)
        taker.take(facts, facts.unknown)
        taker.remember(facts, facts.unknown)
        taker.move(taken, fresh=len(facts.unknown))
    return state


def facts(state: ReadState, read: WindowPage) -> PageFacts:
    return facts_of(read, state, ROWS)


def verdict(state: ReadState, read: WindowPage) -> Any:
    return check_seam(state, facts(state, read))


def test_the_first_page_needs_no_proof() -> None:
    assert verdict(ReadState.at_start(0), page(0, "abc")) == Joined(range(3))


def test_known_rows_in_front_of_new_ones_join() -> None:
    assert verdict(state_after(page(0, "abcdef")), page(4, "efgh")) == Joined(range(2, 4))


def test_a_row_that_shows_another_time_proves_nothing() -> None:
    state = state_after(page(0, "abcdef", limit=6))

    assert verdict(state, page(4, "efgh", moved="ef")) is not Joined
    assert isinstance(verdict(state, page(4, "efgh", moved="ef")), Place)


def test_one_known_row_is_no_proof_where_more_were_expected() -> None:
    state = state_after(page(0, "abcdef", limit=6))

    assert verdict(state, page(3, "fghi")) is Place.BEHIND


def test_one_known_row_joins_where_it_was_all_that_was_expected() -> None:
    state = state_after(page(0, "abcdef", limit=6))

    assert verdict(state, page(5, "fghi")) == Joined(range(1, 4))


def test_a_known_row_behind_most_new_ones_is_no_proof() -> None:
    state = state_after(page(0, "abcdx", limit=5))

    assert verdict(state, page(3, "dxghijklmn")) == Joined(range(2, 10))
    assert verdict(state, page(4, "fghijklmnx")) is Place.BEHIND


def test_a_new_row_between_known_ones_is_yielded() -> None:
    state = state_after(page(0, "abdefg", limit=6))

    assert verdict(state, page(2, "bcdefgh")) == Joined([1, 6])


def test_a_page_of_known_rows_alone_joins_and_has_nothing_new() -> None:
    found = verdict(state_after(page(0, "abcdef", limit=6)), page(3, "bcd"))

    assert isinstance(found, Joined)
    assert list(found.fresh) == []


def test_the_times_say_on_which_side_a_page_lies() -> None:
    state = state_after(page(0, "hijklm", limit=6))

    assert verdict(state, page(4, "abc")) is Place.IN_FRONT
    assert verdict(state, page(4, "tuv")) is Place.BEHIND


def test_a_token_carries_the_rows_that_prove_and_their_times() -> None:
    token = token_of(state_after(page(0, "abcdef", limit=6)), SUBJECT, 6)
    state = attrs.evolve(ReadState.from_token(token), knows_all=False)

    assert verdict(state, page(4, "efgh")) == Joined(range(2, 4))
    assert isinstance(verdict(state, page(4, "efgh", moved="ef")), Place)


def test_rows_in_front_of_those_of_a_token_are_ambiguous() -> None:
    token = token_of(state_after(page(0, "cdefgh", limit=6)), SUBJECT, 6)
    state = attrs.evolve(ReadState.from_token(token), knows_all=False)

    assert verdict(state, page(4, "bghijkl")) == Blurred([0, 3, 4, 5, 6], 2, 1)


def test_a_token_of_nothing_begins_anew() -> None:
    state = ReadState.from_token(token_of(ReadState(500, 0), SUBJECT, 0))

    assert (state.position, state.is_fresh) == (0, True)


# the search


def search(**fields: Any) -> SeamSearch:
    return SeamSearch(0, 10, 4, can_begin_anew=True, **fields)


def test_a_search_steps_back_from_a_page_behind() -> None:
    decision, following = search().decide(Place.BEHIND, page(50, "x"))

    assert decision == StepBack(Window(46, 10))
    assert following.decide(Place.BEHIND, page(46, "x"))[0] == StepBack(Window(38, 10))


def test_a_search_steps_forward_from_a_page_in_front() -> None:
    assert search().decide(Place.IN_FRONT, page(50, "x"))[0] == StepForward(Window(54, 10))


def test_a_search_halves_what_lies_between() -> None:
    _, following = search().decide(Place.BEHIND, page(50, "x"))

    assert following.decide(Place.IN_FRONT, page(20, "x"))[0] == StepForward(Window(35, 10))


def test_a_search_ends_where_a_page_joins() -> None:
    assert search().decide(Joined(range(2)), page(50, "xy"))[0] == Found(Joined(range(2)))


def test_a_search_ends_after_so_many_steps() -> None:
    assert isinstance(search(steps=64).decide(Place.BEHIND, page(50, "x"))[0], Gap)


def test_a_search_without_a_row_left_is_a_gap() -> None:
    assert isinstance(search().decide(Place.BEHIND, page(0, "x"))[0], Gap)


# the end


def test_a_short_page_without_next_is_the_end() -> None:
    state, sizes = state_after(page(0, "abc", more=False)), PageSizes(10, 1_000)

    assert check_end(state, page(0, "abc", more=False), sizes, fresh=3) is End.PROVEN


def test_a_full_page_without_next_is_doubtful() -> None:
    state, sizes = state_after(page(0, "abc", limit=3)), PageSizes(3, 1_000)

    full = page(0, "abc", limit=3, more=False)

    assert check_end(state, full, sizes, fresh=3) is End.DOUBTFUL


@pytest.mark.parametrize("claim", [{"more": True}, {"total": 50}])
def test_what_else_a_page_says_contradicts_an_end(claim: dict[str, Any]) -> None:
    state, sizes = state_after(page(0, "abc", limit=3)), PageSizes(10, 1_000)
    last = attrs.evolve(page(0, "abc", more=False), **claim)

    assert check_end(state, last, sizes, fresh=3) is End.DOUBTFUL

    state.idle_ends = 3
    assert check_end(state, last, sizes, fresh=0) is End.CONTRADICTED


def test_a_search_ends_where_no_window_is_left_between_what_was_open_and_what_was_not() -> None:
    far, _ = search(blurred=(5, 3, 2)).decide(Place.BEHIND, page(9, "xyz"))
    near, _ = search(blurred=(5, 3, 2)).decide(Place.BEHIND, page(6, "xyz"))

    assert far == StepBack(Window(7, 10))
    assert near == Gap("it is not certain which rows were handed out before")
