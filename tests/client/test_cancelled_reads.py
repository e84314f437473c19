"""A reader that is cancelled between two items goes on where it was, as with `asyncio.timeout`."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from posthog_env_async import ListingRun, Person, PostHogEnv
from posthog_env_async.testing import FakePostHog

PERSONS = 60
PAGE = 7


@pytest.fixture
async def env() -> AsyncIterator[PostHogEnv]:
    async with (
        FakePostHog(persons=PERSONS, mode="routes") as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env,
    ):
        yield env


async def cancelled_after(run: ListingRun[Person], turns: int) -> list[Person]:
    """Ask for the next item, cancel that after some turns of the loop; return it if it came."""
    asking = asyncio.ensure_future(anext(run))
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    try:
        return [await asking]
    except (asyncio.CancelledError, StopAsyncIteration):
        return []


@pytest.mark.parametrize("prefetch", [0, 1, 4])
@pytest.mark.parametrize("after", [0, PAGE, 40, PERSONS - 4, PERSONS])
async def test_a_run_goes_on_after_its_caller_was_cancelled(
    env: PostHogEnv, prefetch: int, after: int
) -> None:
    whole = [person.uuid for person in await env.persons.list().collect()]
    for turns in range(12):
        async with env.persons.list(page_size=PAGE, prefetch=prefetch).iterate() as run:
            read = [await anext(run) for _ in range(after)]
            read += await cancelled_after(run, turns)
            read += [person async for person in run]
            assert [person.uuid for person in read] == whole, f"cancelled after {turns} turns"
            assert run.report.complete


@pytest.mark.parametrize("prefetch", [4, 16])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_run_that_is_cancelled_as_it_finds_the_end_loses_no_row(
    env: PostHogEnv, prefetch: int, turns: int
) -> None:
    whole = [person.uuid for person in await env.persons.list().collect()]
    # Without a count, so that windows behind the end are in flight when it is found.
    listing = env.listing("persons/", model=Person, page_size=PAGE, prefetch=prefetch)
    for after in range(PERSONS - PAGE, PERSONS + 1):
        async with listing.iterate() as run:
            read = [await anext(run) for _ in range(after)]
            read += await cancelled_after(run, turns)
            read += [person async for person in run]
            assert [person.uuid for person in read] == whole, f"cancelled after {after} items"
            assert run.report.complete


async def test_a_run_that_is_closed_while_it_reads_can_be_read_on(env: PostHogEnv) -> None:
    run = env.persons.list(page_size=PAGE, prefetch=4).iterate()
    read = [await anext(run) for _ in range(PAGE)]
    asking = asyncio.ensure_future(anext(run))
    await asyncio.sleep(0)
    await run.aclose()
    read += [await asking]
    read += [person async for person in run]
    await run.aclose()
    assert len({person.uuid for person in read}) == PERSONS == len(read)
