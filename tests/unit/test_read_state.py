"""Where a run stands, and what a token keeps of that."""

from collections.abc import Sequence

import pytest

from posthog_env_async.pagination.resume_token import QueryFingerprint, Token, digest, mark
from posthog_env_async.pagination.seams.digest_set import DigestSet
from posthog_env_async.pagination.seams.page_times import PageTimes
from posthog_env_async.pagination.seams.read_state import EarlierRows, ReadState

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
    assert elsewhere.to_token(QUERY, 1).first == 3
    assert not ReadState.from_token(token(("a", 1), whole=False)).is_whole


def test_a_window_needs_no_proof_where_nothing_can_lie_in_front_of_it() -> None:
    fresh, going = ReadState.at_start(7), ReadState(50)
    remember(going, ["a"], 1)

    assert [fresh.needs_no_proof(start) for start in (0, 7)] == [False, True]
    assert [going.needs_no_proof(start) for start in (0, 7)] == [True, False]
    going.is_whole = False
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
    state, rows = ReadState(9, first, is_whole=False), DigestSet()
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


def test_the_rows_next_to_the_position_are_kept_over_short_pages() -> None:
    state = ReadState(0)
    state.reach(["a", "b"], 1, 7, 6)
    state.reach(["c"], 0, 5, 4)

    assert (list(state.tail), list(state.head)) == (["a", "b", "c"], [])
    assert (state.tied, state.frontier) == (1, 5)


def test_no_more_rows_are_kept_than_fit_a_token() -> None:
    state, page = ReadState(0), keys_of(200)
    state.reach(page, 199, 7, 6)

    assert list(state.tail) == page[-101:]
    assert list(state.head) == page[:20]
    state.reach(keys_of(60, "x"), 59, 7, 6)
    assert list(state.tail) == [*page[-41:], *keys_of(60, "x")]
    assert list(state.head) == []


def test_a_page_as_long_as_the_token_leaves_no_row_of_the_one_before() -> None:
    state, page = ReadState(0), keys_of(101)
    state.reach(["before"], 0, 7, 6)
    state.reach(page, 100, 5, 4)

    assert (list(state.tail), list(state.head)) == (page, [])


def test_all_rows_that_show_the_time_of_the_last_one_are_kept_up_to_a_thousand() -> None:
    state, first, second = ReadState(0), keys_of(150, "a"), keys_of(150, "b")
    state.reach(first, 10, 7, 7)
    assert (state.tied, len(state.tail)) == (140, 150)
    state.reach(second, 0, 7, 7)
    assert (state.tied, list(state.tail)) == (290, [*first, *second])
    state.reach(keys_of(2_000), 0, 7, 7)
    assert len(state.tail) == 1_000


@pytest.mark.parametrize(("tied", "middle", "last"), [(1, 7, 7), (0, 6, 6), (0, None, None)])
def test_rows_of_another_time_end_the_tie(tied: int, middle: int | None, last: int | None) -> None:
    state = ReadState(0)
    state.reach(keys_of(5), 0, 7 if middle else None, last)
    state.reach(keys_of(3, "x"), tied, middle, last)
    expected = 3 - tied + (5 if tied == 0 and last == 7 else 0)

    assert (state.tied, state.frontier) == (expected, middle)


def test_a_token_keeps_the_place_and_the_rows_next_to_it() -> None:
    state = ReadState(9, 0)
    remember(state, ["a", "b"], 2, 1)
    state.reach(["a", "b"], 1, 1_500, 1_000)

    made = state.to_token(QUERY, 2)

    assert (made.subject, made.offset, made.first, made.items) == (QUERY, 9, 0, 2)
    assert (made.frontier, made.whole, made.unsure) == (1_500, True, False)
    assert made.tail == (mark("b", 1_000, is_timed=True), mark("a", 2_000, is_timed=True))
    assert made.handed == ()


def test_a_row_whose_time_nobody_read_is_marked_without_one() -> None:
    state = ReadState(9)
    state.reach(["a"], 0, None, None)

    assert state.to_token(QUERY, 1).tail == (mark("a", None, is_timed=False),)


def test_a_token_within_a_page_keeps_the_rows_that_were_handed_out_of_it() -> None:
    state = ReadState(9)
    remember(state, ["a"], 1)
    state.reach(["a"], 0, 1_000, 1_000)

    made = state.to_token(QUERY, 3, offset=4, handed=["b", "a", "c", "b"])

    assert (made.offset, made.handed) == (4, (digest("b"), digest("c")))
    assert made.whole
    assert not state.to_token(QUERY, 4, offset=4, handed=["b", "c"]).whole


def test_an_offset_of_0_is_kept_in_a_token() -> None:
    assert ReadState(9).to_token(QUERY, 0, offset=0).offset == 0


def test_a_token_of_a_short_run_keeps_the_rows_of_those_before() -> None:
    state = ReadState.from_token(token(("old", 1), handed=["handed"], whole=True))
    state.reach(["a"], 0, 1, 1)

    within = state.to_token(QUERY, 4, handed=["new"])
    made = state.to_token(QUERY, 3)

    assert set(within.handed) == {digest("new"), digest("handed")}
    assert made.tail == (mark("a", None, is_timed=False), mark("old", 1, is_timed=True))
    assert made.handed == (digest("handed"),)
    assert made.whole


def test_a_token_of_a_long_run_keeps_those_as_rows_that_prove_nothing() -> None:
    state = ReadState.from_token(token(("old", 1), handed=["handed"], whole=True))
    state.reach(keys_of(100), 99, 1, 1)

    made = state.to_token(QUERY, 102)

    assert (len(made.tail), made.handed) == (100, (digest("old"), digest("handed")))


@pytest.mark.parametrize("doubt", ["unproven", "contradictions"])
def test_what_was_not_proven_stays_in_the_token(doubt: str) -> None:
    state = ReadState(9)
    setattr(state, doubt, 1)

    assert state.to_token(QUERY, 0).unsure
