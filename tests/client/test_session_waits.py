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
    ConfigurationError,
    Limit,
    Limits,
    PostHogEnv,
    RateLimitError,
    ServerError,
)
from posthog_env_async.events import Event, RequestEnded
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client, create_folder, read, until


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


async def test_a_permit_too_far_away_is_an_error_and_nothing_is_sent(fake: FakePostHog) -> None:
    limits = Limits(default=[Limit(1, 3600.0)])
    async with client(fake, limits=limits) as env:
        await read(env)
        with pytest.raises(RateLimitError, match="nothing was sent") as caught:
            await read(env)

    assert caught.value.attempts == 0
    assert len(fake.requests) == 1


async def test_a_deadline_bounds_the_wait_for_a_permit(fake: FakePostHog) -> None:
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


async def test_a_wait_of_the_year_9999_blocks_for_a_day_at_most(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}))
    async with client(fake) as env:
        with pytest.raises(RateLimitError) as caught:
            await read(env)
        assert env.throttled_until is not None
        blocked = env.throttled_until - datetime.now(UTC)

    assert caught.value.retry_after == 86_400.0
    assert blocked <= timedelta(days=1)


async def test_who_refused_is_said_when_a_wait_is_too_long(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "300"}))
    async with client(fake, limits=[Limit(100, 60.0)]) as env:
        with pytest.raises(RateLimitError, match=r"^429 ") as first:
            await read(env)
        with pytest.raises(RateLimitError, match=r"the server refused .* with 429") as second:
            await read(env)

    assert (first.value.sent, second.value.sent) == (True, False)
    assert "own limit" not in str(second.value)
    assert len(fake.requests) == 1


class OddLimiter:
    """A limiter of somebody else, which grants everything and fails where it is told to."""

    def __init__(self, *, breaks: str = "", expired: int = 0) -> None:
        self.breaks, self.expired = breaks, expired
        self.acquired, self.released, self.blocked = 0, 0, 0

    @property
    def is_expired(self) -> bool:
        return self.acquired <= self.expired

    async def acquire(self, budget: str, *, max_wait: float) -> "OddLimiter":
        self.acquired += 1
        return self

    async def release(self) -> None:
        self.released += 1
        if self.breaks == "release":
            raise ConfigurationError("the file of the limiter is gone")

    async def block(self, budget: str, seconds: float) -> None:
        self.blocked += 1
        if self.breaks == "block":
            raise ConfigurationError("the file of the limiter is gone")

    def is_limited(self, budget: str) -> bool:
        return True

    def blocked_for(self, budget: str) -> float:
        return 0.0


async def test_the_answer_of_a_write_wins_over_a_limiter_that_breaks_behind_it(
    fake: FakePostHog, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = OddLimiter(breaks="release")
    async with client(fake, limiter=limiter) as env:
        folder = await create_folder(env)
        pieces = [piece async for piece in env.persons.csv()]

    assert folder.type == "home"
    assert pieces
    assert limiter.released == 2
    assert "the limiter could not be told of an end" in caplog.text


async def test_a_429_is_the_error_though_the_limiter_breaks(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "300"}))
    limiter = OddLimiter(breaks="block")
    async with client(fake, limiter=limiter) as env:
        with pytest.raises(RateLimitError):
            await read(env)

    assert limiter.blocked == 1


async def test_a_429_is_waited_for_also_where_the_limiter_does_not_block(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "0.2"}))
    async with client(fake, limiter=OddLimiter()) as env:
        await read(env)

    assert fake.requests[1].at - fake.requests[0].at >= 0.2


async def test_nothing_is_sent_under_a_permit_that_expired(fake: FakePostHog) -> None:
    limiter = OddLimiter(expired=2)
    async with client(fake, limiter=limiter) as env:
        await read(env)
        assert (env.requests, limiter.acquired) == (1, 3)
        limiter.expired = 4
        pieces = [piece async for piece in env.persons.csv()]

    assert pieces
    assert (limiter.acquired, limiter.released) == (5, 5)
    assert len(fake.requests) == 2


async def test_an_observer_hears_that_a_permit_expired(fake: FakePostHog) -> None:
    events = list[Event]()
    async with client(fake, limiter=OddLimiter(expired=1), observer=events.append) as env:
        await read(env)

    ended = [event for event in events if isinstance(event, RequestEnded)]
    assert [(event.status, event.error) for event in ended] == [
        (None, "PermitExpiredError"),
        (200, None),
    ]
