"""The memory that proves a page joins what was read before."""

import pytest

from posthog_env_async.pagination.resume_token import digest
from posthog_env_async.pagination.seen_rows import Seen, moment


def nobody_knows(_: int) -> str | None:
    return None


def seen(*pages: str, capacity: int = 100) -> Seen:
    """Remember pages written as one letter a row."""
    kept = Seen(capacity)
    for page in pages:
        kept.remember(list(page))
    return kept


def test_a_row_that_was_read_is_known() -> None:
    kept = seen("abc", "def")

    assert [key for key in "abcdefgh" if kept.knows(key)] == list("abcdef")
    assert not kept.is_empty


def test_nothing_read_knows_nothing() -> None:
    kept = seen("", "")

    assert kept.is_empty
    assert kept.whole
    assert kept.first_proof("abc") is None


def test_the_first_known_row_proves_the_seam() -> None:
    assert seen("abc").first_proof(list("xycz")) == 2


def test_rows_behind_the_proof_are_to_be_yielded() -> None:
    assert list(seen("abc").fresh(list("bcde"), nobody_knows, None)) == [2, 3]


def test_rows_before_the_proof_are_old_or_new_and_stay_out() -> None:
    assert list(seen("abc").fresh(list("xyabcd"), nobody_knows, None)) == [5]


def test_a_row_before_the_proof_that_may_have_changed_places_is_yielded() -> None:
    stamps = ["2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]
    frontier = moment("2026-01-01T00:00:00Z")

    places = seen("abc").fresh(list("xyc"), stamps.__getitem__, frontier)

    assert places == [1]


def test_without_a_proof_all_unknown_rows_are_to_be_yielded() -> None:
    assert list(seen("abc").fresh(list("xyz"), nobody_knows, None)) == [0, 1, 2]


def test_a_row_that_stands_twice_on_a_page_is_yielded_once() -> None:
    assert list(seen().fresh(list("xyxz"), nobody_knows, None)) == [0, 1, 3]


def test_memory_keeps_its_capacity_and_forgets_what_is_older() -> None:
    kept = seen("abc", "def", "ghi", "jkl", "mno", capacity=5)

    assert [key for key in "abcdefghijklmno" if kept.knows(key)] == list("ghijklmno")
    assert kept.last(20) == tuple(map(digest, "onmlkjihg"))
    assert not kept.whole


def test_a_row_that_was_read_again_is_not_forgotten_with_its_first_page() -> None:
    kept = seen("abc", "cde", "cfg", "hij", capacity=3)

    assert kept.knows("c")
    assert not kept.knows("a")


def test_one_page_is_kept_however_large() -> None:
    assert seen("abcdefgh", capacity=2).knows("a")


def test_the_last_rows_come_last_first() -> None:
    assert seen("abc", "de").last(3) == tuple(map(digest, "edc"))


def test_rows_can_be_left_out_of_the_last_ones() -> None:
    assert seen("abc", "de").last(3, without={"e", "c"}) == tuple(map(digest, "dba"))


def test_few_rows_fit_a_token_and_many_do_not() -> None:
    kept = seen("abc", "de")

    assert kept.fits(5)
    assert not kept.fits(4)
    assert kept.fits(4, without={"e"})


def test_rows_of_an_earlier_run_are_known_by_their_digests() -> None:
    kept = Seen(100, whole=False, tail=tuple(map(digest, "ba")), loose=(digest("x"),))

    assert [key for key in "abxy" if kept.knows(key)] == list("abx")
    assert kept.first_proof(list("xb")) == 1
    assert kept.last(3) == tuple(map(digest, "ba"))
    assert not kept.is_empty


def test_the_earlier_run_is_forgotten_with_the_first_page() -> None:
    kept = Seen(2, whole=True, tail=(digest("a"),), loose=(digest("x"),))

    for page in ("bc", "de", "fg"):
        kept.remember(list(page))

    assert not kept.knows("a")
    assert not kept.knows("x")
    assert not kept.whole


@pytest.mark.parametrize(
    ("stamp", "milliseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-01T00:00:01.123999Z", 1_123),
        ("1970-01-01T01:00:01+01:00", 1_000),
        ("", None),
        (None, None),
        ("soon", None),
    ],
)
def test_a_moment_is_whole_milliseconds(stamp: str | None, milliseconds: int | None) -> None:
    assert moment(stamp) == milliseconds
