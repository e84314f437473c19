"""Processes that share a limit, against a server that counts (docs/server.md, Throttles)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from posthog_env_async.testing import FakePostHog

from .workers import (
    Orders,
    arrivals,
    most_in_any,
    preloading,
    refusals,
    run_workers,
    say,
    wrong_clock,
)

RATE = 20


@pytest.fixture
async def counting() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(
        persons=10, mode="routes", throttles={"persons": ((RATE, 1.0),)}
    ) as server:
        yield server


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.servers), "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "sqlite":
        return str(tmp_path / "limits.db")
    url: str = request.getfixturevalue("redis_url")
    from redis import Redis

    with Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.mark.parametrize(
    ("processes", "seconds"),
    [(4, 3.0), pytest.param(8, 30.0, marks=pytest.mark.slow)],
)
async def test_processes_use_one_limit_to_the_full_and_fairly_and_never_exceed_it(
    counting: FakePostHog,
    kind: str,
    place: str,
    worker_environment: dict[str, str],
    processes: int,
    seconds: float,
) -> None:
    orders = Orders(kind, place, ((RATE, 1.0),), seconds)

    outcome = await run_workers(counting, orders, [worker_environment] * processes)

    times = arrivals(counting)
    used = sum(at < times[0] + seconds for at in times) / (RATE * seconds)
    share = len(times) / processes
    say(f"{kind}: {used:.1%} used, at most {most_in_any(1.0, times)} in 1 s, {outcome.done}")
    assert most_in_any(1.0, times) <= RATE
    assert refusals(counting) == 0
    assert used >= (0.97 if seconds >= 30 else 0.9)
    assert all(done is not None and done >= share / 2 for done in outcome.done)


@pytest.mark.parametrize("seconds", [3.0, pytest.param(30.0, marks=pytest.mark.slow)])
async def test_clocks_that_are_wrong_change_nothing(
    counting: FakePostHog,
    redis_url: str,
    worker_environment: dict[str, str],
    tmp_path: Path,
    seconds: float,
) -> None:
    library = wrong_clock(tmp_path)
    wrong = [preloading(worker_environment, library, by) for by in (3, -3)]
    orders = Orders("redis", redis_url, ((RATE, 1.0),), seconds)

    outcome = await run_workers(counting, orders, [*wrong, worker_environment, worker_environment])

    times = arrivals(counting)
    used = sum(at < times[0] + seconds for at in times) / (RATE * seconds)
    say(f"clocks: {used:.1%} used, at most {most_in_any(1.0, times)} in 1 s, {outcome.done}")
    assert outcome.clocks[0] - outcome.clocks[1] > 5
    assert most_in_any(1.0, times) <= RATE
    assert refusals(counting) == 0
    assert used >= (0.97 if seconds >= 30 else 0.9)


@pytest.mark.parametrize("seconds", [3.0, pytest.param(30.0, marks=pytest.mark.slow)])
async def test_a_killed_process_costs_no_more_than_its_own_share(
    counting: FakePostHog,
    kind: str,
    place: str,
    worker_environment: dict[str, str],
    seconds: float,
) -> None:
    orders = Orders(kind, place, ((RATE, 1.0),), seconds, lease=2.0)

    outcome = await run_workers(counting, orders, [worker_environment] * 4, kill=1)

    times = arrivals(counting)
    used = sum(at < times[0] + seconds for at in times) / (RATE * seconds)
    say(f"{kind}: {used:.1%} used, at most {most_in_any(1.0, times)} in 1 s, {outcome.done}")
    assert most_in_any(1.0, times) <= RATE
    assert refusals(counting) == 0
    assert used >= (0.97 if seconds >= 30 else 0.8)
