"""What a page that joins changes: what is remembered, where the run stands, and what is doubted."""

from collections.abc import Sequence
from typing import Any

import pytest

from posthog_env_async.converter import RowType
from posthog_env_async.pagination.page_size import PageSizes
from posthog_env_async.pagination.resume_token import QueryFingerprint, Token, digest, mark
from posthog_env_async.pagination.seams.page_facts import facts_of
from posthog_env_async.pagination.seams.page_taker import PageTaker
from posthog_env_async.pagination.seams.read_state import ReadState
from posthog_env_async.pagination.seams.state_token import token_of
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage

ROWS: RowType[Any] = RowType(lambda row: row, lambda row: row[0], lambda row: row[1])
QUERY = QueryFingerprint("host", "1", "query")


def resumed(front: int | None = 30_000, *, whole: bool = False) -> ReadState:
    """Stand behind rows `x` and `y`, made in seconds 20 and 10; older ones are named."""
    tail = (mark("y", 10_000, is_timed=True), mark("x", 20_000, is_timed=True))
    token = Token(
        subject=QUERY,
        offset=50,
        tail=tail,
        whole=whole,
        front=front,
        frontier=15_000,
        deepest=10_000,
    )
    return ReadState.from_token(token)


def take(state: ReadState, start: int, rows: Sequence[tuple[str, int | None]]) -> PageTaker:
    """Take a page of rows, each with the second in which it was made."""
    made = [
        (key, None if second is None else f"1970-01-01T00:00:{second:02}Z") for key, second in rows
    ]
    page = WindowPage(
        Window(start, 100), start + 100, made, [key for key, _ in rows], b"", len(rows)
    )
    taker, facts = PageTaker(state, PageSizes(100, 1_000)), facts_of(page, state, ROWS)
    taker.take(facts, facts.unknown)
    taker.remember(facts, facts.unknown)
    taker.move(page, fresh=len(facts.unknown))
    return taker


@pytest.mark.parametrize(("second", "doubts"), [(31, 1), (30, 1), (29, 0), (None, 0)])
def test_a_row_that_the_token_may_have_left_out_is_doubted(second: int | None, doubts: int) -> None:
    state = resumed()

    take(state, 42, [("x", 20), ("y", 10), ("new", second)])

    assert state.contradictions == doubts


def test_no_row_is_doubted_where_all_are_known() -> None:
    for state in (resumed(whole=True), resumed(None), ReadState.at_start(0)):
        take(state, 42, [("x", 20), ("y", 10), ("new", 40)])
        assert not state.contradictions


def test_behind_the_rows_of_a_token_one_odd_row_is_no_doubt_and_most_are() -> None:
    state = resumed()
    take(state, 42, [("x", 20), ("y", 10), ("a", 9)])

    take(state, 140, [("a", 9), ("odd", 40), ("b", 8), ("c", 7)])
    assert not state.contradictions
    take(state, 240, [("c", 7), ("p", 42), ("q", 41)])
    assert state.contradictions == 1


def test_rows_of_a_token_are_waited_for_until_they_came_or_lie_in_front() -> None:
    state = resumed()

    take(state, 42, [("x", 20), ("new", 15)])
    assert state.earlier
    assert list(state.earlier.tail) == [digest("y")]
    take(state, 140, [("new", 15), ("older", 9)])
    assert state.earlier.tail == {}


def test_a_page_of_rows_known_from_a_token_alone_moves_the_place_behind_it() -> None:
    state = ReadState.from_token(
        Token(subject=QUERY, handed=(digest("a"), digest("b")), whole=True)
    )

    take(state, 0, [("a", 20), ("b", 10)])

    assert (list(state.tail), state.frontier) == (["a", "b"], 20_000)


def test_rows_in_front_of_the_deepest_that_were_handed_out_are_named_too() -> None:
    state = resumed(whole=True)

    take(state, 0, [("new", 50), ("other", 45)])

    assert (list(state.tail), state.frontier, state.untold) == ([], 15_000, None)
    assert state.aside == ("new", "other")
    assert {digest("new"), digest("other")} <= set(token_of(state, QUERY, 2).handed)


def test_more_than_a_thousand_of_those_are_noted_as_without_a_name() -> None:
    state = resumed(whole=True)

    take(state, 0, [(f"new{place}", 50) for place in range(900)])
    take(state, 900, [(f"more{place}", 40) for place in range(101)])

    assert (len(state.aside), state.untold) == (900, 40_000)


def test_a_listing_that_begins_elsewhere_notes_what_lies_in_front() -> None:
    state = ReadState.at_start(50)

    take(state, 50, [("a", 20), ("b", 10)])

    assert state.front == 20_001
