"""How long a call waits: for an answer, for the end of a 429, for a place.

See docs/server.md, Authentication and Errors.
"""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import pytest

from posthog_env_async import (
    APITimeoutError,
    Backoff,
    Limit,
    Limits,
    PostHogEnv,
    RateLimitError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client, read, until


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=30, mode="routes") as server:
        yield server


async def ask_patiently(env: PostHogEnv) -> Any:
    return await env.max_tools.create_and_query_insight("users", "trends", retry_throttled=True)


@pytest.mark.parametrize("form", ["seconds", "date", "detail"])
async def test_the_wait_is_taken_in_every_form(fake: FakePostHog, form: str) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    detail = {"detail": "Request was throttled. Expected available in 300 seconds."}
    faults = {
        "seconds": Fault(429, headers={"Retry-After": "300"}),
        "date": Fault(429, headers={"Retry-After": soon}),
        "detail": Fault(429, body={"code": "throttled", **detail}),
    }
    fake.faults.append(faults[form])
    async with client(fake) as env:
        with pytest.raises(RateLimitError) as caught:
            await read(env)

    assert caught.value.retry_after == pytest.approx(300.0, abs=3)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("settings", [{"max_wait": 0.5}, {"deadline": 0.5}])
async def test_a_wait_that_is_too_long_raises_at_once(
    fake: FakePostHog, settings: dict[str, float]
) -> None:
    fake.faults.append(Fault(503, headers={"Retry-After": "1"}))
    began = time.monotonic()
    async with client(fake, backoff=Backoff(**settings)) as env:  # type: ignore[arg-type]
        with pytest.raises(ServerError) as caught:
            await read(env)

    assert caught.value.retry_after == 1.0
    assert time.monotonic() - began < 0.5


async def test_a_429_is_waited_out_and_seen_meanwhile(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "0.3"}))
    began = time.monotonic()
    async with client(fake) as env, anyio.create_task_group() as group:
        assert env.throttled_until is None
        group.start_soon(read, env)
        await until(lambda: env.throttled_until is not None)
        seen = env.throttled_until

    assert time.monotonic() - began >= 0.3
    assert seen is not None
    assert timedelta(0) < seen - datetime.now(UTC) + timedelta(seconds=0.3) < timedelta(seconds=1)


async def test_a_429_holds_every_task_and_every_sibling(fake: FakePostHog) -> None:
    fake.add_project(2, persons=3)
    fake.faults.append(Fault(429, headers={"Retry-After": "0.3"}))
    async with client(fake) as env, anyio.create_task_group() as group:
        group.start_soon(read, env)
        await until(lambda: env.throttled_until is not None)
        for _ in range(3):
            group.start_soon(read, env.for_project(2))

    assert [request.status for request in fake.requests] == [429, 200, 200, 200, 200]
    assert min(r.at for r in fake.requests[1:]) - fake.requests[0].at >= 0.3


async def test_a_429_without_a_wait_is_held_for_a_backoff(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, body={"detail": "slow down"}))
    async with client(fake) as env:
        await read(env)

    assert [request.status for request in fake.requests] == [429, 200]


async def test_the_clients_own_limit_keeps_below_the_servers() -> None:
    limits = [Limit(5, 0.2)]
    async with (
        FakePostHog(persons=100, mode="routes", throttles={"persons": ((5, 0.2),)}) as slow,
        client(slow, limits=limits) as env,
    ):
        persons = await env.persons.list(page_size=10, prefetch=8).collect()

    assert len(persons) == 100
    assert {request.status for request in slow.requests} == {200}


async def test_a_place_too_far_away_is_an_error_and_nothing_is_sent(fake: FakePostHog) -> None:
    limits = Limits(default=[Limit(1, 3600.0)])
    async with client(fake, limits=limits) as env:
        await read(env)
        with pytest.raises(RateLimitError, match="nothing was sent") as caught:
            await read(env)

    assert caught.value.attempts == 0
    assert len(fake.requests) == 1


async def test_a_deadline_bounds_the_wait_for_a_place(fake: FakePostHog) -> None:
    backoff = Backoff(deadline=10.0)
    async with client(fake, limits=[Limit(1, 60.0)], backoff=backoff) as env:
        await read(env)
        with pytest.raises(RateLimitError):
            await read(env)


async def test_at_most_max_connections_requests_are_under_way() -> None:
    async with (
        FakePostHog(persons=3, mode="routes", latency=0.01) as fake,
        client(fake, max_connections=2) as env,
        anyio.create_task_group() as group,
    ):
        for _ in range(10):
            group.start_soon(read, env)

    assert fake.peak_in_flight == 2


async def test_a_question_to_max_waits_out_a_429_only_when_asked_to(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults += [Fault(429, headers={"Retry-After": "0"}), Fault(503, after=1)]

    await ask_patiently(env)
    with pytest.raises(ServerError):
        await ask_patiently(env)

    assert [request.status for request in fake.requests] == [429, 200, 503]


async def test_no_answer_in_time_is_a_timeout(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall", times=2))
    async with client(fake, timeout=0.05, backoff=Backoff(base=0.0, max_attempts=2)) as env:
        with pytest.raises(APITimeoutError, match="raise timeout") as caught:
            await read(env)

    assert caught.value.attempts == 2


async def test_a_body_that_stalls_is_a_timeout_and_is_asked_for_again(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall_body"))
    async with client(fake, timeout=0.2) as env:
        page = await read(env)

    assert len(page["results"]) == 1
