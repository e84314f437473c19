"""How far ahead a listing reads, and how large its pages are (docs/server.md, Paging)."""

import gc
from collections.abc import AsyncIterator

import pytest

from listings import until_idle, uuids, windows
from posthog_env_async import (
    APITimeoutError,
    Backoff,
    Limit,
    Person,
    PostHogEnv,
    QueryTooExpensiveError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=1_000, mode="routes") as server:
        yield server


# ahead, within bounds


@pytest.mark.parametrize("prefetch", [1, 2, 4, 8])
async def test_prefetch_bounds_the_pages_in_flight(prefetch: int) -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", latency=0.005) as fake,
        client(fake) as env,
    ):
        await uuids(env.persons.list(page_size=20, prefetch=prefetch))

    assert min(2, prefetch) <= fake.peak_in_flight <= prefetch


async def test_a_slow_consumer_stops_the_readers(env: PostHogEnv, fake: FakePostHog) -> None:
    async with env.persons.list(page_size=10, prefetch=4).iterate() as run:
        await anext(run)
        await until_idle(fake)

        assert len(fake.requests) <= 6


async def test_bytes_held_bound_the_pages_ahead() -> None:
    async with (
        FakePostHog(persons=400, mode="routes", person_bytes=10_000) as fake,
        client(fake) as env,
    ):
        listing = env.persons.list(page_size=20, prefetch=8)
        async with listing.iterate(held_bytes=600_000) as run:
            seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert fake.peak_in_flight <= 4


async def test_nothing_is_asked_far_beyond_the_end(env: PostHogEnv, fake: FakePostHog) -> None:
    await uuids(env.persons.list(page_size=100, prefetch=8))

    assert max(offset for offset, _ in windows(fake)) <= 1_000
    assert len(fake.requests) <= 11


async def test_with_limits_the_first_page_goes_alone() -> None:
    async with (
        FakePostHog(persons=5, mode="routes", latency=0.01) as fake,
        client(fake, limits=[Limit(1_000, 60.0)]) as env,
    ):
        await uuids(env.persons.list(page_size=100, prefetch=8))

    assert len(fake.requests) == 1


async def test_a_429_keeps_the_readers_from_piling_up() -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", throttles={"persons": ((6, 0.3),)}) as fake,
        client(fake) as env,
    ):
        seen = await uuids(env.persons.list(page_size=100, prefetch=8))

    assert seen == fake.existed_throughout()
    assert len([request for request in fake.requests if request.status == 429]) <= 8


# a page size that fits


async def test_an_automatic_page_size_grows() -> None:
    async with (
        FakePostHog(persons=9_000, mode="routes") as fake,
        client(fake) as env,
        env.persons.list(page_size="auto", prefetch=2).iterate() as run,
    ):
        seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert run.report.page_sizes[0] == 1_000
    assert max(run.report.page_sizes) >= 2_000
    assert len(fake.requests) < 9


@pytest.mark.parametrize("fault", [Fault(502), Fault(504), Fault(524), Fault(512), Fault(513)])
@pytest.mark.parametrize("prefetch", [0, 2])
async def test_a_page_that_is_too_much_is_asked_for_in_part(fault: Fault, prefetch: int) -> None:
    async with FakePostHog(persons=3_000, mode="routes") as fake, client(fake) as env:
        fake.faults.append(fault)
        async with env.persons.list(page_size="auto", prefetch=prefetch).iterate() as run:
            seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert windows(fake)[:1] == [(0, 1_000)]
    assert 500 in run.report.page_sizes
    assert max(run.report.page_sizes) == 1_000


async def test_a_page_that_is_too_slow_is_asked_for_in_part() -> None:
    async with FakePostHog(persons=1_500, mode="routes") as fake:
        fake.faults.append(Fault(action="stall"))
        async with client(fake, timeout=0.5) as env:
            seen = await uuids(env.persons.list(page_size="auto"))

    assert seen == fake.existed_throughout()
    assert [limit for _, limit in windows(fake)][:2] == [1_000, 500]


async def test_the_smallest_page_that_is_too_much_is_an_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(512, times=99))

    with pytest.raises(QueryTooExpensiveError):
        await uuids(env.persons.list(page_size="auto"))

    assert min(limit for _, limit in windows(fake)) <= 50
    assert len(fake.requests) <= 8


async def test_a_fixed_page_size_stays(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(504))

    assert await uuids(env.persons.list(page_size=500)) == fake.uuids()
    assert windows(fake)[:2] == [(0, 500), (0, 500)]


async def test_a_fixed_page_that_is_too_slow_is_a_timeout(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall", times=9))
    async with client(fake, timeout=0.05, backoff=Backoff(base=0, max_attempts=2)) as env:
        with pytest.raises(APITimeoutError, match="smaller pages"):
            await uuids(env.persons.list(page_size=500))


async def test_an_automatic_page_size_may_be_capped(env: PostHogEnv, fake: FakePostHog) -> None:
    assert await uuids(env.persons.list(page_size="auto", max_items=10)) == fake.uuids()[:10]


@pytest.mark.parametrize("prefetch", [0, 1, 4])
async def test_what_a_consumer_decodes_of_a_page_does_not_pile_up(
    env: PostHogEnv, prefetch: int
) -> None:
    decoded = []

    async for person in env.persons.list(page_size=500, prefetch=prefetch):
        assert len(person.properties) > 0
        if int(str(person.uuid)[-1], 16) == 0:
            decoded.append(sum(type(found) is Person for found in gc.get_objects()))

    assert len(decoded) > 10
    assert max(decoded) < 50
