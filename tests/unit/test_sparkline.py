"""Counts over time as a picture."""

from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("cyclopts")

from posthog_env_async import LogBucket
from posthog_env_async.cli.output.sparkline import picture

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)


def bucket(minutes: int, count: int, level: str = "info") -> LogBucket:
    return LogBucket(time=BEGIN + timedelta(minutes=minutes), count=count, level=level)


def test_the_highest_bar_is_full_and_none_that_counts_is_empty() -> None:
    lines = list(picture([bucket(0, 1000), bucket(1, 0), bucket(2, 1)], 80))

    assert lines[0] == "info     █ ▁       1,001"


def test_levels_come_with_the_worst_first() -> None:
    lines = list(picture([bucket(0, 1, "info"), bucket(0, 1, "fatal")], 80))

    assert [line.split()[0] for line in lines[:2]] == ["fatal", "info"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_picture_is_no_wider_than_the_terminal_and_loses_no_entry(width: int) -> None:
    lines = list(picture([bucket(minute, 1) for minute in range(500)], width))

    assert max(map(len, lines)) <= width
    assert lines[0].endswith(" 500")


def test_the_times_have_a_zone() -> None:
    lines = list(picture([bucket(minute, 1) for minute in range(60)], 100))

    assert lines[-1].split() == ["09-01", "00:00Z", "09-01", "00:59Z"]


def test_a_sparkline_without_entries_says_so() -> None:
    assert list(picture([], 80)) == ["no entries"]


def test_a_count_without_a_time_has_no_place_in_the_picture() -> None:
    lines = list(picture([bucket(0, 3), LogBucket(time=None, count=9, level="info")], 80))

    assert lines[0].endswith(" 3")
