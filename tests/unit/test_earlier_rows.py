"""The rows that a token names, while the next run reads on."""

from posthog_env_async.pagination.resume_token import QueryFingerprint, Token, digest, mark
from posthog_env_async.pagination.seams.earlier_rows import EarlierRows

QUERY = QueryFingerprint("host", "1", "query")
A, B, C, D, H, P = map(digest, "abcdhp")


def rows(**fields: object) -> EarlierRows:
    """Return rows `a` to `d` of which `a` stands deepest, and others."""
    tail = tuple([mark(key, number, is_timed=True) for number, key in enumerate("abcd")])
    given = {"tail": tail, "handed": (H,), "passed": (P,), **fields}
    return EarlierRows.of(Token(subject=QUERY, **given))  # type: ignore[arg-type]  # pyright: ignore


def test_all_rows_of_a_token_are_known() -> None:
    assert all(map(rows().knows, (A, D, H, P)))
    assert not rows().knows(digest("new"))


def test_a_page_leaves_the_rows_that_stand_behind_those_that_came() -> None:
    left = rows().after([C, digest("new")])

    assert list(left.tail) == [A, B]
    assert left.handed == {H}
    assert list(left.passed) == [C, D, P]


def test_a_row_that_came_is_not_waited_for() -> None:
    left = rows().after([H])

    assert list(left.tail) == [A, B, C, D]
    assert (left.handed, list(left.passed)) == (frozenset(), [H, P])


def test_a_page_without_such_rows_changes_nothing() -> None:
    before = rows()

    assert before.after([digest("new")]) is before
    assert before.after([]) is before


def test_no_row_is_waited_for_below_the_deepest_one() -> None:
    before = rows(deepest=50)

    assert before.behind(50) is before.behind(None) is before
    assert rows().behind(1) == rows()
    left = before.behind(49)
    assert (left.tail, left.handed) == ({}, frozenset())
    assert list(left.passed) == [A, B, C, D, H, P]


def test_a_row_shows_the_time_of_the_token_or_has_moved() -> None:
    untimed = EarlierRows.of(Token(subject=QUERY, tail=(mark("a", 5, is_timed=False),)))

    assert [rows().is_unmoved(B, created) for created in (1, 2)] == [True, False]
    assert rows().is_unmoved(H, 1) is None
    assert untimed.is_unmoved(A, 5) is None


def test_the_last_rows_are_marked_as_they_were() -> None:
    assert rows().marks[1] == mark("b", 1, is_timed=True)
