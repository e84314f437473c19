"""Whatever way a loop is left, nothing stays behind: no task, no connection, no warning."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from random import Random

import anyio
import pytest

from posthog_env_async import Backoff, PaginationError, PostHogEnv
from posthog_env_async.testing import FakePostHog

DESCRIPTORS = Path("/proc/self/fd")


class OwnError(Exception):
    """What a caller's own code raises in the loop."""


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=120, mode="routes") as server:
        yield server


@pytest.fixture(autouse=True)
def no_warning_is_kept_back() -> Iterator[None]:
    yield
    gc.collect()


def descriptors() -> int:
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0


async def left_alone(fake: FakePostHog, before: set["asyncio.Task[object]"]) -> None:
    """Wait until the server has nothing to do and no task is there that was not before."""
    with anyio.fail_after(10):
        while fake.in_flight or any(map(is_ours, asyncio.all_tasks() - before)):
            await anyio.sleep(0.001)


def is_ours(task: "asyncio.Task[object]") -> bool:
    """Tell the client's tasks from those of the server, which runs in the same loop."""
    return not any(name in repr(task) for name in ("RequestHandler", "_accept_connection"))


async def leave(env: PostHogEnv, chance: Random) -> None:
    listing = env.persons.list(page_size=chance.choice([1, 7, 40]), prefetch=chance.randint(0, 8))
    after, way = chance.randint(0, 60), chance.choice(["break", "error", "cancel", "run", "late"])
    if way == "cancel":
        with anyio.move_on_after(chance.uniform(0.0, 0.004)):
            await listing.collect()
    elif way == "run":
        async with listing.iterate() as run:
            for _ in range(after):
                await anext(run)
    elif way == "late":
        # Nobody closes the generator: the loop's own hook does, soon.
        async for _ in listing:
            break
    else:
        await leave_by(listing, after, way)


async def leave_by(listing: object, after: int, way: str) -> None:
    try:
        async with aclosing(aiter(listing)) as persons:  # type: ignore[call-overload]
            number = 0
            async for _ in persons:
                number += 1
                if number > after and way == "break":
                    break
                if number > after:
                    raise OwnError
    except OwnError:
        assert way == "error"


@pytest.mark.parametrize("leavings", [150, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_a_thousand_ways_out_of_a_loop_leave_nothing_behind(
    fake: FakePostHog, leavings: int
) -> None:
    chance, opened = Random(7), descriptors()
    env = PostHogEnv(1, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0))
    async with env:
        before = asyncio.all_tasks()
        for number in range(leavings):
            await leave(env, chance)
            if number % 50 == 0:
                await left_alone(fake, before)
        await left_alone(fake, before)
        assert descriptors() - opened <= 2 * 32

        assert [person.uuid async for person in env.persons.list()] == fake.uuids()
    await left_alone(fake, before)
    with anyio.fail_after(5):
        while descriptors() > opened + 1:
            await anyio.sleep(0.01)


async def test_a_cancelled_call_leaves_no_connection_in_use(fake: FakePostHog) -> None:
    env = PostHogEnv(1, api_key=fake.key, host=fake.url, max_connections=1)
    async with env:
        for _ in range(20):
            with anyio.move_on_after(0.0005):
                await env.persons.list(page_size=40, prefetch=4).collect()

        assert len(await env.persons.list().collect()) == 120


async def test_cancellation_is_never_caught(fake: FakePostHog) -> None:
    async with PostHogEnv(1, api_key=fake.key, host=fake.url) as env:
        task = asyncio.create_task(env.persons.list(page_size=1, prefetch=4).collect())
        await asyncio.sleep(0.01)
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_closed_run_still_says_where_it_stood(fake: FakePostHog) -> None:
    async with PostHogEnv(1, api_key=fake.key, host=fake.url) as env:
        listing = env.persons.list(page_size=10, prefetch=4)
        async with listing.iterate() as run:
            first = await anext(run)
        rest = [person.uuid async for person in listing.resume(run.token)]

    assert [first.uuid, *rest] == fake.uuids()
    assert (run.report.items, run.report.complete) == (1, False)


async def test_closing_the_client_ends_what_is_read_ahead() -> None:
    async with FakePostHog(persons=100, mode="routes", latency=0.05) as slow:
        before = asyncio.all_tasks()
        async with PostHogEnv(1, api_key=slow.key, host=slow.url) as env:
            run = env.persons.list(page_size=10, prefetch=8).iterate()
            await anext(run)
        await run.aclose()
        await left_alone(slow, before)


async def test_an_error_of_one_page_ends_the_pages_behind_it(fake: FakePostHog) -> None:
    async with PostHogEnv(1, api_key=fake.key, host=fake.url) as env:
        before = asyncio.all_tasks()
        with pytest.raises(PaginationError):
            await env.listing("persons/", page_size=10, prefetch=8).count()
        await left_alone(fake, before)
