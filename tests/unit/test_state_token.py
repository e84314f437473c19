"""Which rows a token names, and what it says of those that it does not."""

from collections.abc import Sequence

import pytest

from posthog_env_async.pagination.resume_token import QueryFingerprint, Token, digest, mark
from posthog_env_async.pagination.seams.page_times import PageTimes
from posthog_env_async.pagination.seams.read_state import ReadState
from posthog_env_async.pagination.seams.state_token import OpenPage, token_of

QUERY = QueryFingerprint("host", "1", "query")
SECOND = 1_000


def times(*seconds: int | None) -> PageTimes:
    def stamp(place: int) -> str | None:
        second = seconds[place]
        return None if second is None else f"1970-01-01T00:00:{second:02}Z"

    return PageTimes(stamp)


def reach(state: ReadState, keys: Sequence[str], *seconds: int) -> None:
    """Read a page of rows made in these seconds."""
    made = times(*seconds)
    tied = state.seen.remember([hash(key) for key in keys], made)
    state.reach(keys, made, tied, seconds[-1] * SECOND)


def names(*keys: str) -> tuple[bytes, ...]:
    return tuple(map(digest, keys))


def timed(key: str, second: int) -> bytes:
    return mark(key, second * SECOND, is_timed=True)


def resumed(*tail: tuple[str, int], handed: Sequence[str] = (), **fields: object) -> ReadState:
    marks = tuple([timed(*row) for row in tail])
    return ReadState.from_token(
        Token(subject=QUERY, tail=marks, handed=names(*handed), **fields)  # type: ignore[arg-type]  # pyright: ignore
    )


def open_page(*keys: str, offset: int = 4, made: Sequence[int] = (9, 8, 7)) -> OpenPage:
    return OpenPage(offset, keys, lambda place: made[place] * SECOND)


def keys_of(count: int, name: str = "") -> list[str]:
    return [f"{name}{place}" for place in range(count)]


def test_a_token_keeps_the_place_and_the_rows_next_to_it() -> None:
    state = ReadState(9, 0)
    reach(state, ["a", "b"], 2, 1)

    made = token_of(state, QUERY, 2)

    assert (made.subject, made.offset, made.first, made.items) == (QUERY, 9, 0, 2)
    assert (made.frontier, made.whole, made.unsure) == (1_000, True, False)
    assert made.tail == (timed("b", 1), timed("a", 2))
    assert (made.handed, made.passed) == ((), ())


def test_a_row_whose_time_nobody_read_is_marked_without_one() -> None:
    state = ReadState(9)
    state.reach(["a"], times(None), 0, None)

    assert token_of(state, QUERY, 1).tail == (mark("a", None, is_timed=False),)


def test_a_token_within_a_page_names_the_rows_that_were_handed_out_of_it() -> None:
    state = ReadState(9)
    reach(state, ["a"], 1)

    made = token_of(state, QUERY, 3, open_page("b", "a", "c"))

    assert (made.offset, made.handed) == (4, names("b", "c"))
    assert made.whole
    assert not token_of(state, QUERY, 4, open_page("b", "c")).whole


def test_an_offset_of_0_is_kept_in_a_token() -> None:
    assert token_of(ReadState(9), QUERY, 0, open_page(offset=0)).offset == 0


def test_the_first_rows_of_a_listing_that_begins_elsewhere_prove_where_it_does() -> None:
    begun = ReadState.at_start(5)

    made = token_of(begun, QUERY, 2, open_page("a", "b"))

    assert (made.tail, made.handed) == ((timed("b", 8), timed("a", 9)), ())
    assert made.front == 9 * SECOND + 1
    assert token_of(ReadState.at_start(0), QUERY, 2, open_page("a", "b")).tail == ()


def test_a_listing_that_begins_elsewhere_says_what_lies_in_front_of_it() -> None:
    state = ReadState(9, 5, front=12)
    reach(state, ["a"], 1)

    assert token_of(state, QUERY, 1).front == 12


def test_rows_of_earlier_runs_that_may_come_again_are_named_however_many_they_are() -> None:
    many = keys_of(3_000)
    state = resumed(("old", 1), handed=many, whole=True)
    reach(state, ["a"], 1)

    made = token_of(state, QUERY, 3_002)

    assert made.tail == (timed("a", 1), timed("old", 1))
    assert set(made.handed) == set(names(*many))
    assert made.whole


def test_more_names_than_fit_a_token_leave_it_unsure() -> None:
    state = resumed(("old", 1), handed=keys_of(16_001))

    made = token_of(state, QUERY, 20_000)

    assert (len(made.handed), made.unsure) == (16_000, True)
    assert not token_of(resumed(("old", 1), handed=keys_of(16_000)), QUERY, 1).unsure


def test_a_thousand_rows_that_lie_in_front_are_named_in_case_they_move() -> None:
    state = resumed(("old", 1), passed=names(*keys_of(1_200)))

    made = token_of(state, QUERY, 5_000)

    assert made.passed == names(*keys_of(1_000))
    assert not made.whole


def test_a_row_is_named_once_in_a_token() -> None:
    state = resumed(("a", 1), ("b", 2), handed=["c"], passed=names("c", "d"))
    reach(state, ["a"], 1)

    made = token_of(state, QUERY, 4, open_page("c", "a"))

    assert made.tail == (timed("a", 1), timed("b", 2))
    assert (made.handed, made.passed) == (names("c"), names("d"))


def test_a_token_says_when_the_oldest_row_without_a_name_was_made() -> None:
    state = ReadState(9)
    reach(state, keys_of(150), *[50] * 30, *[40] * 100, *range(39, 19, -1))

    assert token_of(state, QUERY, 150).front == 40 * SECOND


@pytest.mark.parametrize(("knows_all", "front"), [(False, 5), (True, 7)])
def test_rows_without_a_name_of_earlier_runs_count_too(knows_all: bool, front: int) -> None:
    state = resumed(("a", 1), front=5, whole=knows_all)
    state.pass_by(7)

    assert token_of(state, QUERY, 5).front == front


def test_a_token_says_below_which_time_no_row_was_handed_out() -> None:
    assert token_of(ReadState(9), QUERY, 0).deepest is None
    assert token_of(resumed(("a", 1), deepest=3), QUERY, 0).deepest == 3
    assert token_of(resumed(passed=names("a"), deepest=3), QUERY, 0).deepest is None
    state = ReadState(9)
    reach(state, ["a", "b"], 12, 10)
    assert token_of(state, QUERY, 2).deepest == 10 * SECOND
    assert token_of(state, QUERY, 4, open_page("x", "y")).deepest == 8 * SECOND


@pytest.mark.parametrize("doubt", ["unproven", "contradictions", "bad_rows"])
def test_what_was_not_proven_stays_in_the_token(doubt: str) -> None:
    state = ReadState(9)
    setattr(state, doubt, 1)

    assert token_of(state, QUERY, 0).unsure


@pytest.mark.parametrize("sign", ["is_doubted", "has_ghosts", "doubted"])
def test_a_server_that_was_seen_to_do_odd_things_is_not_believed_after_a_token(sign: str) -> None:
    state = resumed(("a", 1))
    assert not token_of(state, QUERY, 1).wary
    setattr(state, sign, True)

    made = token_of(state, QUERY, 1)

    assert made.wary
    assert ReadState.from_token(made).is_doubted
