"""Where a run stands, and what a token keeps of that."""

from collections.abc import Sequence

import pytest

from posthog_env_async.pagination.resume_token import QueryFingerprint, Token, digest, mark
from posthog_env_async.pagination.seams.digest_set import DigestSet
from posthog_env_async.pagination.seams.earlier_rows import EarlierRows
from posthog_env_async.pagination.seams.page_times import PageTimes
from posthog_env_async.pagination.seams.read_state import ReadState
from posthog_env_async.pagination.seams.state_token import token_of

QUERY = QueryFingerprint("host", "1", "query")


def times(*seconds: int | None) -> PageTimes:
    def stamp(place: int) -> str | None:
        second = seconds[place]
        return None if second is None else f"1970-01-01T00:00:{second:02}Z"

    return PageTimes(stamp)


def names(keys: Sequence[str]) -> list[int]:
    return [hash(key) for key in keys]


def remember(state: ReadState, keys: Sequence[str], *seconds: int | None) -> None:
    state.seen.remember(names(keys), times(*seconds))


def token(*timed: tuple[str, int | None], handed: Sequence[str] = (), **fields: object) -> Token:
    tail = tuple(mark(key, second, is_timed=True) for key, second in timed)
    return Token(subject=QUERY, tail=tail, handed=tuple(map(digest, handed)), **fields)  # type: ignore[arg-type]  # pyright: ignore


def test_a_run_from_row_0_knows_every_row_and_one_from_elsewhere_does_not() -> None:
    whole, part = ReadState.at_start(0), ReadState.at_start(7)

    assert (whole.position, whole.first, whole.is_whole, whole.floor) == (0, 0, True, 0)
    assert (part.position, part.first, part.is_whole, part.floor) == (7, 7, False, 7)
    assert whole.is_fresh
    assert part.is_fresh


def test_a_token_that_handed_out_nothing_begins_the_listing() -> None:
    state = ReadState.from_token(token(offset=9, first=3, unsure=True))

    assert (state.position, state.first, state.unproven) == (3, 3, 1)
    assert state.is_fresh
    assert state.is_aligned
    assert not state.is_whole


def test_a_token_stands_where_it_says() -> None:
    of = token(("a", 1), handed=["b"], offset=9, frontier=5, whole=True)
    state = ReadState.from_token(of)

    assert (state.position, state.first, state.frontier, state.unproven) == (9, 0, 5, 0)
    assert state.is_whole
    assert not state.is_aligned
    assert not state.is_fresh


def test_a_token_with_rows_of_an_unfinished_page_alone_is_no_beginning() -> None:
    state = ReadState.from_token(token(handed=["b"], offset=9, unsure=True))

    assert (state.position, state.is_fresh, state.unproven) == (9, False, 1)


def test_a_listing_that_began_elsewhere_never_knows_all_rows() -> None:
    elsewhere = ReadState.from_token(token(("a", 1), first=3, whole=True))

    assert (elsewhere.first, elsewhere.is_whole) == (3, False)
    assert token_of(elsewhere, QUERY, 1).first == 3
    assert not ReadState.from_token(token(("a", 1), whole=False)).is_whole


def test_a_window_needs_no_proof_where_nothing_can_lie_in_front_of_it() -> None:
    fresh, going = ReadState.at_start(7), ReadState(50)
    remember(going, ["a"], 1)

    assert [fresh.needs_no_proof(start) for start in (0, 7)] == [False, True]
    assert [going.needs_no_proof(start) for start in (0, 7)] == [True, False]
    going.knows_all = False
    assert not going.needs_no_proof(0)


def test_a_run_that_handed_out_rows_may_look_from_row_0_on() -> None:
    state = ReadState.at_start(7)
    remember(state, ["a"], 1)

    assert (state.is_fresh, state.floor) == (False, 0)


def test_rows_are_known_from_this_run_and_from_earlier_ones() -> None:
    state = ReadState.from_token(token(("tail", 1), handed=["handed"]))
    remember(state, ["own"], 1)
    keys = ["new", "own", "tail", "handed"]

    assert state.known_places(keys, names(keys)) == [1, 2, 3]
    assert [state.is_earlier(key) for key in keys] == [False, False, True, False]
    assert not ReadState(0).is_earlier("tail")


def test_earlier_rows_know_their_names() -> None:
    rows = EarlierRows.of(token(("tail", 1), handed=["handed"]))

    assert [rows.knows(digest(key)) for key in ("tail", "handed", "new")] == [True, True, False]


def test_a_row_that_shows_another_time_has_moved() -> None:
    state = ReadState(0)
    remember(state, ["a", "b"], 2, 1)
    now = times(2, 9)

    assert [state.is_unmoved(key, hash(key), now, n) for n, key in enumerate("ab")] == [True, False]
    assert state.is_unmoved("c", hash("c"), now, 0) is None


def test_a_row_of_an_earlier_run_shows_the_time_in_the_token_or_has_moved() -> None:
    untimed = mark("untimed", None, is_timed=False)
    of = Token(
        subject=QUERY, tail=(mark("a", 2_000, is_timed=True), untimed), handed=(digest("handed"),)
    )
    state, now = ReadState.from_token(of), times(2, 9)

    assert [state.is_unmoved("a", hash("a"), now, place) for place in (0, 1)] == [True, False]
    assert state.is_unmoved("untimed", hash("untimed"), now, 0) is None
    assert state.is_unmoved("handed", hash("handed"), now, 0) is None


@pytest.mark.parametrize(("first", "whole"), [(0, True), (3, False)])
def test_a_run_that_is_told_all_rows_knows_them(first: int, whole: bool) -> None:
    state, rows = ReadState(9, first, knows_all=False), DigestSet()
    rows.add(names(["a"]))

    state.know(rows)

    assert state.is_whole is whole
    assert state.known_places(["b", "a"], names(["b", "a"])) == [1]


def test_a_snapshot_keeps_what_was_and_shares_what_was_seen() -> None:
    state = ReadState(9)
    before = state.snapshot()
    state.position = 10
    remember(state, ["a"], 1)

    assert before.position == 9
    assert not before.is_fresh


def keys_of(count: int, name: str = "") -> list[str]:
    return [f"{name}{place}" for place in range(count)]


def reach(
    state: ReadState, keys: Sequence[str], tied: int, middle: int | None, last: int | None
) -> None:
    """Reach a page whose last row was made at `last`, and each in front a millisecond later."""

    def stamp(place: int) -> str | None:
        made = None if last is None else last + max(0, tied - place)
        return None if made is None else f"1970-01-01T00:00:00.{made:03}Z"

    state.reach(keys, PageTimes(stamp), tied, middle)


def test_the_rows_next_to_the_position_are_kept_over_short_pages() -> None:
    state = ReadState(0)
    reach(state, ["a", "b"], 1, 7, 6)
    reach(state, ["c"], 0, 5, 4)

    assert (list(state.tail), list(state.head)) == (["a", "b", "c"], [])
    assert (state.tied, state.frontier) == (1, 5)


def test_no_more_rows_are_kept_than_fit_a_token() -> None:
    state, page = ReadState(0), keys_of(200)
    reach(state, page, 199, 7, 6)

    assert list(state.tail) == page[-101:]
    assert list(state.head) == page[:20]
    reach(state, keys_of(60, "x"), 59, 7, 6)
    assert list(state.tail) == [*page[-41:], *keys_of(60, "x")]
    assert list(state.head) == []


def test_a_page_as_long_as_the_token_leaves_no_row_of_the_one_before() -> None:
    state, page = ReadState(0), keys_of(101)
    reach(state, ["before"], 0, 7, 6)
    reach(state, page, 100, 5, 4)

    assert (list(state.tail), list(state.head)) == (page, [])


def test_all_rows_that_show_the_time_of_the_last_one_are_kept_up_to_a_thousand() -> None:
    state, first, second = ReadState(0), keys_of(150, "a"), keys_of(150, "b")
    reach(state, first, 10, 7, 7)
    assert (state.tied, len(state.tail)) == (140, 150)
    reach(state, second, 0, 7, 7)
    assert (state.tied, list(state.tail)) == (290, [*first, *second])
    reach(state, keys_of(2_000), 0, 7, 7)
    assert len(state.tail) == 1_000


@pytest.mark.parametrize(("tied", "middle", "last"), [(1, 7, 7), (0, 6, 6), (0, None, None)])
def test_rows_of_another_time_end_the_tie(tied: int, middle: int | None, last: int | None) -> None:
    state = ReadState(0)
    reach(state, keys_of(5), 0, 7 if middle else None, last)
    reach(state, keys_of(3, "x"), tied, middle, last)
    expected = 3 - tied + (5 if tied == 0 and last == 7 else 0)

    assert (state.tied, state.frontier) == (expected, middle)


def test_the_newest_row_that_no_token_is_to_name_is_noted() -> None:
    state = ReadState(0)
    reach(state, keys_of(100), 99, 7, 6)
    assert state.untold is None
    reach(state, keys_of(150, "x"), 149, 7, 6)
    assert state.untold == 6 + 149 - 48
    state.pass_by(None)
    state.pass_by(1_000)
    assert state.untold == 6 + 149 - 48
    state.pass_by(5)
    assert state.untold == 5


def test_rows_that_short_pages_push_out_are_newer_than_the_first_that_is_left() -> None:
    state = ReadState(0)
    for page in range(3):
        keys = keys_of(60, f"{page}-")
        remember(state, keys, *[59 - page] * 60)
        state.reach(keys, times(*[59 - page] * 60), 59, 59_000 - page)

    assert len(state.tail) == 101
    assert state.untold == 58_000
