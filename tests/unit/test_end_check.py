"""Whether a page without `next` is the end of a listing, case by case (docs/server.md, Paging)."""

from typing import Any

import pytest

from posthog_env_async.pagination.page_size import PageSizes
from posthog_env_async.pagination.seams.end_check import End, check_end
from posthog_env_async.pagination.seams.read_state import ReadState
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage


def page(length: int, *, limit: int = 1_000, start: int = 0, **fields: Any) -> WindowPage:
    fields = {"end": None, "length": length, **fields}
    return WindowPage(Window(start, limit), rows=[], keys=[], body=b"", **fields)


def sizes(served: int = 0) -> PageSizes:
    made = PageSizes(1_000, 1_000)
    made.served = served
    return made


def end(
    of: WindowPage, *, fresh: int | None = None, served: int = 0, pages: int = 5, **fields: Any
) -> End:
    state = ReadState(0, pages=pages, **fields)
    return check_end(state, of, sizes(served), fresh=of.length if fresh is None else fresh)


def test_a_page_with_next_is_not_the_end() -> None:
    assert end(page(10, end=1_000)) is End.NONE
    assert end(page(0, end=1_000), fresh=0) is End.NONE


@pytest.mark.parametrize(("length", "proven"), [(0, True), (99, True), (100, False), (999, False)])
def test_fewer_rows_than_any_server_gives_are_the_end(length: int, proven: bool) -> None:
    assert (end(page(length)) is End.PROVEN) is proven


@pytest.mark.parametrize(("length", "proven"), [(64, True), (99, True), (100, False)])
def test_a_first_page_may_be_as_long_as_any_other(length: int, proven: bool) -> None:
    assert (end(page(length), pages=1) is End.PROVEN) is proven


def test_a_full_page_proves_no_end() -> None:
    assert end(page(10, limit=10)) is End.DOUBTFUL
    assert end(page(9, limit=10)) is End.PROVEN


@pytest.mark.parametrize("doubt", ["is_doubted", "has_ghosts"])
def test_a_short_page_with_new_rows_is_no_proof_where_ends_were_wrong_before(doubt: str) -> None:
    assert end(page(9), **{doubt: True}) is End.DOUBTFUL
    assert end(page(9), fresh=0, served=1_000, doubted=page(9), **{doubt: True}) is End.PROVEN


def test_a_server_that_drops_rows_says_an_end_twice() -> None:
    assert end(page(9), fresh=0, served=1_000, has_ghosts=True) is End.DOUBTFUL
    assert end(page(9), fresh=0, served=1_000) is End.PROVEN


@pytest.mark.parametrize(
    ("length", "limit", "served", "proven"),
    [
        (99, 1_000, 1_000, True),
        (100, 1_000, 1_000, False),
        (99, 1_000, 999, False),
        (99, 100, 0, True),
        (99, 101, 0, False),
        (99, 101, 101, True),
        (49, 50, 0, True),
        (50, 50, 0, False),
    ],
)
def test_a_page_without_new_rows_and_room_for_some_is_the_end(
    length: int, limit: int, served: int, proven: bool
) -> None:
    # Ends were wrong before, so only the room counts.
    verdict = end(page(length, limit=limit), fresh=0, served=served, is_doubted=True)

    assert (verdict is End.PROVEN) is proven


def test_what_says_that_rows_follow_is_doubted() -> None:
    assert end(page(9, more=True)) is End.DOUBTFUL
    assert end(page(9, more=True), fresh=0) is End.DOUBTFUL


@pytest.mark.parametrize(
    ("idle_ends", "fresh", "verdict"),
    [(2, 0, End.DOUBTFUL), (3, 0, End.CONTRADICTED), (3, 1, End.DOUBTFUL)],
)
def test_a_server_that_says_three_times_that_rows_follow_is_contradicted(
    idle_ends: int, fresh: int, verdict: End
) -> None:
    assert end(page(9, more=True), fresh=fresh, idle_ends=idle_ends) is verdict


@pytest.mark.parametrize(
    ("total", "limit", "served", "verdict"),
    [
        # A window that no cap can have taken had room for all of its rows.
        (1_000, 1_000, 1_000, End.PROVEN),
        (1_001, 1_000, 1_000, End.DOUBTFUL),
        # One that a cap may have taken had room for the rows that came.
        (9, 1_000, 999, End.PROVEN),
        (10, 1_000, 999, End.DOUBTFUL),
        (None, 1_000, 999, End.PROVEN),
    ],
)
def test_a_total_above_the_rows_that_had_room_is_doubted(
    total: int | None, limit: int, served: int, verdict: End
) -> None:
    assert end(page(9, limit=limit, total=total), served=served) is verdict


def test_a_total_counts_from_the_first_row() -> None:
    assert end(page(9, start=500, total=509)) is End.PROVEN
    assert end(page(9, start=500, total=510)) is End.DOUBTFUL
