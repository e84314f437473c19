"""Pages that are short or empty, and sets that change while they are read.

See docs/server.md, Paging.
"""

from contextlib import nullcontext, suppress
from typing import Any

import pytest

from listings import uuids, windows
from posthog_env_async import ListingReport, PaginationError
from posthog_env_async.testing import Drift, FakePostHog
from sessions import client

# short and empty pages


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("orphans", [range(50), range(95, 305), range(10, 990), range(1_000), 0.5])
async def test_rows_that_the_server_drops_do_not_end_a_listing(prefetch: int, orphans: Any) -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", orphans=orphans) as fake,
        client(fake) as env,
        env.persons.list(page_size=100, prefetch=prefetch).iterate() as run,
    ):
        seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert run.report.complete


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("cap", [1, 7, 50, 99])
async def test_a_server_that_silently_caps_pages_loses_nothing(cap: int, prefetch: int) -> None:
    async with (
        FakePostHog(persons=min(600, 80 * cap), mode="routes", page_cap=cap) as fake,
        client(fake) as env,
    ):
        seen = await uuids(env.persons.list(page_size=100, prefetch=prefetch))

    assert seen == fake.existed_throughout()


async def test_a_cap_is_adopted_after_the_first_page() -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", page_cap=50) as fake,
        client(fake) as env,
    ):
        await uuids(env.persons.list(page_size=100))

    assert {limit for _, limit in windows(fake)[1:8]} == {50}
    assert len(fake.requests) <= 22


# a set that changes


def script(**changes: Any) -> Drift:
    """Do one thing before request number `at`."""

    def change(fake: FakePostHog, request: int) -> None:
        if request == changes["at"]:
            if "delete" in changes:
                fake.delete(changes["delete"])
            if "insert" in changes:
                fake.insert(changes["insert"])

    return Drift(script=change)


async def drifting(total: int, drift: Drift, page_size: int, prefetch: int = 0) -> tuple[Any, ...]:
    async with FakePostHog(persons=total, mode="routes", drift=drift) as fake, client(fake) as env:
        async with env.persons.list(page_size=page_size, prefetch=prefetch).iterate() as run:
            seen = [person.uuid async for person in run]
        return seen, fake.existed_throughout(), run.report


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("count", [1, 8, 9, 40, 500])
async def test_rows_that_vanish_in_front_cost_no_other(count: int, prefetch: int) -> None:
    drift = script(at=3, delete=range(count))

    seen, stayed, report = await drifting(600, drift, 50, prefetch)

    assert set(stayed) <= set(seen)
    assert len(seen) == len(set(seen))
    assert report.complete


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("count", [1, 8, 9, 40, 500])
async def test_rows_that_come_in_front_are_not_yielded_twice(count: int, prefetch: int) -> None:
    seen, stayed, report = await drifting(600, script(at=3, insert=count), 50, prefetch)

    assert [uuid for uuid in seen if uuid in set(stayed)] == stayed
    assert len(seen) == len(set(seen))
    assert report.complete


async def test_everything_that_was_read_may_vanish() -> None:
    seen, stayed, report = await drifting(5, script(at=2, delete=range(3)), 3)

    assert set(stayed) <= set(seen)
    assert len(seen) == 5
    assert report.complete


async def test_everything_may_vanish() -> None:
    seen, stayed, report = await drifting(500, script(at=2, delete=range(500)), 100)

    assert (len(seen), stayed) == (100, [])
    assert report.complete


async def test_a_report_says_what_was_repaired() -> None:
    _, _, report = await drifting(1_000, script(at=3, delete=range(50)), 100)

    assert report.seams_repaired == 1
    assert report.rows_read_again > 0
    assert report.requests > report.pages


async def test_a_report_says_how_many_came_twice() -> None:
    _, _, report = await drifting(1_000, script(at=3, insert=5), 100)

    assert report.duplicates_dropped == 5


LOSING = script(at=17, delete=range(30_500))


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_however_many_vanish_at_once_no_other_is_lost(prefetch: int) -> None:
    async with (
        FakePostHog(persons=40_000, mode="routes", drift=LOSING) as fake,
        client(fake) as env,
        env.persons.list(page_size=2_000, prefetch=prefetch).iterate() as run,
    ):
        seen = [person.uuid async for person in run]

    assert set(fake.existed_throughout()) <= set(seen)
    assert len(seen) == len(set(seen))
    assert run.report.complete


async def token_of_the_middle(fake: FakePostHog) -> str:
    async with client(fake) as env, env.persons.list(page_size=200).iterate() as run:
        for _ in range(2):
            await run.next_page()
    return run.token


async def test_a_position_of_which_no_row_is_left_is_an_error() -> None:
    async with FakePostHog(persons=1_000, mode="routes") as fake, client(fake) as env:
        token = await token_of_the_middle(fake)
        fake.delete(range(410))

        with pytest.raises(PaginationError, match="on_gap='report'") as caught:
            await uuids(env.persons.list().resume(token))

    assert caught.value.resume_token


async def test_a_caller_may_choose_to_go_on_and_be_told() -> None:
    async with FakePostHog(persons=1_000, mode="routes") as fake, client(fake) as env:
        token = await token_of_the_middle(fake)
        fake.delete(range(410))
        async with env.persons.list().resume(token).iterate(on_gap="report") as run:
            seen = [person.uuid async for person in run]

    assert len(seen) == len(set(seen))
    assert not run.report.complete


@pytest.mark.parametrize("count", [200, 2_000])
async def test_rows_that_come_faster_than_they_are_read_end_the_run(count: int) -> None:
    drift = Drift(script=lambda fake, _: fake.insert(count))
    reports = list[ListingReport]()
    for on_gap in ("raise", "report"):
        async with FakePostHog(1_000, mode="routes", drift=drift) as fake, client(fake) as env:
            listing = env.persons.list(page_size=100)
            async with listing.iterate(on_gap=on_gap) as run:  # type: ignore[arg-type]
                with suppress(PaginationError) if on_gap == "raise" else nullcontext():
                    [person async for person in run]
            reports.append(run.report)

    raised, told = reports
    assert not raised.complete
    assert (raised.seams_unproven, told.complete) == (0, False)
    assert told.seams_unproven > 0
    assert max(raised.requests, told.requests) < 100


@pytest.mark.parametrize("request_number", range(9, 17))
async def test_rows_that_vanish_while_a_run_of_ghosts_is_read_are_found_or_told(
    request_number: int,
) -> None:
    def script(fake: FakePostHog, request: int) -> None:
        if request == request_number:
            fake.delete(range(60))

    ghosts, drift = range(100, 400), Drift(script=script)
    async with (
        FakePostHog(900, mode="routes", orphans=ghosts, drift=drift) as fake,
        client(fake) as env,
        env.persons.list(page_size=50).iterate(on_gap="report") as run,
    ):
        seen = {person.uuid async for person in run}

    assert seen >= set(fake.existed_throughout()) or not run.report.complete


@pytest.mark.parametrize(
    ("seed", "orphans", "false_ends", "page_size", "changes"),
    [
        (6, 0.3, (), 120, {3: -5, 4: 20, 23: 20}),
        (184, 0.9, (), 50, {2: -20, 12: 120}),
        (283, 0.9, (), 50, {2: -120, 10: 60, 15: -120}),
        (345, 0.9, (7,), 50, {2: -60, 5: -20}),
    ],
)
async def test_rows_that_come_and_go_among_ghosts_are_read_once_or_told(
    *,
    seed: int,
    orphans: float,
    false_ends: tuple[int, ...],
    page_size: int,
    changes: dict[int, int],
) -> None:
    def script(fake: FakePostHog, request: int) -> None:
        change = changes.get(request, 0)
        fake.insert(max(change, 0))
        fake.delete(range(max(-change, 0)))

    ghosts: dict[str, Any] = {"orphans": orphans, "false_ends": false_ends, "seed": seed}
    async with (
        FakePostHog(900, mode="routes", drift=Drift(script=script), **ghosts) as fake,
        client(fake) as env,
        env.persons.list(page_size=page_size).iterate(on_gap="report") as run,
    ):
        seen = [person.uuid async for person in run]

    assert len(seen) == len(set(seen))
    assert set(seen) >= set(fake.existed_throughout()) or not run.report.complete
