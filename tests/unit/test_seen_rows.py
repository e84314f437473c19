"""What a run remembers of the rows that it read: every one in few bytes, and the times of some."""

from random import Random

import pytest

from posthog_env_async.pagination.seams.digest_set import DigestSet
from posthog_env_async.pagination.seams.page_times import PageTimes, milliseconds
from posthog_env_async.pagination.seams.seen_rows import SeenRows


def digests(count: int, seed: int = 1) -> list[int]:
    random = Random(seed)
    return [random.getrandbits(64) - (1 << 63) for _ in range(count)]


def times_of(*values: int | None) -> PageTimes:
    return PageTimes(lambda place: stamp(values[place]))


def stamp(value: int | None) -> str | None:
    return None if value is None else f"1970-01-01T00:00:{value:02}Z"


def test_every_digest_is_remembered_and_no_other() -> None:
    kept, others = DigestSet(), digests(1_000, seed=2)
    made = digests(500_000)  # the table grows
    for start in range(0, len(made), 1_000):
        kept.add(made[start : start + 1_000])

    assert len(kept) == len(made)
    assert kept.places(made[::997]) == list(range(len(made[::997])))
    assert kept.places(others) == []
    assert all(digest in kept for digest in made[::991])
    assert not any(digest in kept for digest in others)
    assert others[0] not in DigestSet()
    assert kept.forgotten == 0


def test_digests_stay_remembered_while_they_are_moved_to_the_arrays() -> None:
    kept, made = DigestSet(), digests(300_000)
    for start in range(0, len(made), 1_000):
        kept.add(made[start : start + 1_000])
        some = made[: start + 1_000 : 499]
        assert kept.places(some) == list(range(len(some)))

    assert kept.places([*made[:3], *digests(500, seed=2), *made[-3:]]) == [0, 1, 2, 503, 504, 505]


@pytest.mark.parametrize(
    "stamps",
    [
        ["2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05+02:00"],
        ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05"],
        ["2026-01-02T03:04:05Z", None, "soon"],
        [],
    ],
)
def test_times_read_at_once_are_those_read_one_by_one(stamps: list[str | None]) -> None:
    times = PageTimes(lambda _: "never", lambda places: [stamps[place] for place in places])

    times.load(range(len(stamps)))

    assert [times[place] for place in range(len(stamps))] == list(map(milliseconds, stamps))


def test_known_digests_in_front_are_told_from_new_ones() -> None:
    kept, made = DigestSet(), digests(20)
    kept.add(made[:10])

    assert kept.places(made[8:]) == [0, 1]
    assert kept.places([made[12], made[3], made[14]]) == [1]


def test_past_its_bound_the_set_says_how_many_it_forgot() -> None:
    kept, made = DigestSet(most=0), digests(500_000)
    for start in range(0, len(made), 1_000):
        kept.add(made[start : start + 1_000])

    assert kept.forgotten > 0
    assert len(kept) + kept.forgotten == len(made)
    assert made[-1] in kept


def test_a_short_page_is_timed_whole() -> None:
    seen, made = SeenRows(), digests(3)

    tied = seen.remember(made, times_of(9, 7, 5))

    assert tied == 2
    assert [seen.created(digest) for digest in made] == [9_000, 7_000, 5_000]


def test_of_a_long_page_the_last_rows_are_timed_and_a_few_others() -> None:
    seen, made = SeenRows(), digests(1_000)

    seen.remember(made, PageTimes(lambda place: stamp(59 - place // 20)))

    timed = [place for place, digest in enumerate(made) if seen.is_timed(digest)]
    assert timed[:3] == [0, 32, 64]
    assert timed[-66:] == list(range(934, 1_000))
    assert 60 <= len(timed) <= 110


def test_all_rows_that_show_the_time_of_the_last_one_are_timed() -> None:
    seen, made = SeenRows(), digests(1_000)

    tied = seen.remember(made, times_of(*[9] * 300, *[3] * 700))

    assert tied == 300
    assert all(seen.created(digest) == 3_000 for digest in made[300:])


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_a_time_is_whole_milliseconds(text: str | None, expected: int | None) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize(("length", "timed"), [(64, True), (65, False)])
def test_all_rows_of_a_page_of_up_to_64_are_timed(length: int, timed: bool) -> None:
    seen, made = SeenRows(), digests(length)

    seen.remember(made, PageTimes(lambda place: stamp(59 - place // 2)))

    assert all(seen.is_timed(digest) for digest in made) is timed
    assert seen.is_timed(made[0])
    assert [seen.created(digest) for digest in made[-2:]] == [
        1_000 * (59 - place // 2) for place in (length - 2, length - 1)
    ]


def test_times_are_kept_for_the_latest_65536_rows_at_least() -> None:
    seen, made = SeenRows(), digests(3 * 65_536)
    pages = [made[start : start + 65_536] for start in range(0, len(made), 65_536)]
    for second, page in enumerate(pages[:2]):
        seen.remember(page, PageTimes(lambda _, second=second: stamp(second)))

    assert (seen.created(pages[0][9]), seen.created(pages[1][9])) == (0, 1_000)
    seen.remember(pages[2], PageTimes(lambda _: stamp(2)))
    assert not seen.is_timed(pages[0][9])
    assert (seen.created(pages[1][9]), seen.created(pages[2][9])) == (1_000, 2_000)
