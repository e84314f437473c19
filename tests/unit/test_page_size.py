"""How many rows to ask for at once (docs/server.md, Paging)."""

from typing import Any

import pytest

from posthog_env_async import ConfigurationError
from posthog_env_async.pagination.page_size import PageSizes, checked_page_size

SMALL, LARGE, FAST, SLOW = 1_000, 9 << 20, 0.1, 2.5


@pytest.mark.parametrize("size", [1, 100, 10_000, "auto"])
def test_a_page_size_within_bounds_is_taken(size: Any) -> None:
    checked_page_size(size, 10_000, auto=True)


@pytest.mark.parametrize("size", [0, -1, 10_001, 2.0, "100", None, True])
def test_any_other_is_refused(size: Any) -> None:
    with pytest.raises(ConfigurationError, match="1 to 10000, or 'auto'"):
        checked_page_size(size, 10_000, auto=True)


@pytest.mark.parametrize("size", [0, 2_001, "auto"])
def test_auto_does_not_go_everywhere(size: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"2000$"):
        checked_page_size(size, 2_000)


def test_a_fixed_size_stays() -> None:
    sizes = PageSizes(100, 10_000)

    sizes.answered(100, FAST, SMALL)

    assert sizes.size == 100
    assert not sizes.shrink(100)


def test_an_automatic_size_grows_while_answers_are_fast_and_small() -> None:
    sizes, seen = PageSizes("auto", 10_000), list[int]()

    for _ in range(6):
        seen.append(sizes.size)
        sizes.answered(sizes.size, FAST, SMALL)

    assert seen == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]


@pytest.mark.parametrize(
    ("asked", "seconds", "size"), [(1_000, SLOW, SMALL), (1_000, FAST, LARGE), (999, FAST, SMALL)]
)
def test_it_stays_after_an_answer_that_was_slow_or_large_or_partial(
    asked: int, seconds: float, size: int
) -> None:
    sizes = PageSizes("auto", 10_000)

    sizes.answered(asked, seconds, size)

    assert sizes.size == 1_000


def test_it_shrinks_after_a_failure_and_does_not_grow_there_again() -> None:
    sizes = PageSizes("auto", 10_000)
    sizes.answered(1_000, FAST, SMALL)

    assert sizes.shrink(2_000)
    sizes.answered(1_000, FAST, SMALL)

    assert sizes.size == 1_000


def test_it_does_not_shrink_below_the_least() -> None:
    sizes, seen = PageSizes("auto", 10_000), list[int]()

    while sizes.shrink(sizes.size):
        seen.append(sizes.size)

    assert seen == [500, 250, 125, 62, 50]


def test_sizes_are_noted_once_in_a_row() -> None:
    sizes = PageSizes(10, 100)

    for size in (10, 10, 5, 10):
        sizes.note(size)

    assert sizes.used == [10, 5, 10]


def test_a_small_most_bounds_the_start() -> None:
    assert PageSizes("auto", 300).size == 300


@pytest.mark.parametrize(
    ("rows", "dropped", "shared"),
    [(1_000, 0, 1), (1_000, 100, 3), (1_000, 500, 10), (1_000, 999, 64)],
)
def test_windows_share_so_many_rows_that_hardly_ever_all_are_dropped(
    rows: int, dropped: int, shared: int
) -> None:
    sizes = PageSizes(1_000, 10_000)

    sizes.serve(rows, dropped)

    assert sizes.shared == shared
    sizes.serve(rows, rows)
    sizes.overlap = 5
    assert sizes.shared == max(5, shared)
