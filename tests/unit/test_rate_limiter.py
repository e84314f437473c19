"""The queue of each budget, and what a caller is told who does not want to wait in it."""

import math

import anyio
import pytest

from posthog_env_async import Limit, Limits, RateLimitError
from posthog_env_async.session import RateLimiter, Window, over_limit


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock, *windows: Limit) -> RateLimiter:
    return RateLimiter(Limits(default=windows), clock)


async def refusal(kept: RateLimiter, max_wait: float) -> RateLimitError:
    with pytest.raises(RateLimitError) as caught:
        await kept.acquire("default", max_wait=max_wait)
    return caught.value


def test_a_wait_that_the_server_asked_for_says_so() -> None:
    error = over_limit("persons", 90.4, blocked=True)

    assert str(error) == (
        "the server refused persons requests with 429 and asks to wait 90 s more"
        " (nothing was sent now); raise Backoff.max_wait to wait longer"
    )
    assert (error.code, error.detail) == ("throttled", "the server asked to wait")
    assert (error.status, error.retry_after, error.attempts) == (429, 90.4, 0)
    assert error.sent is False


def test_a_wait_for_the_clients_own_limit_says_so() -> None:
    error = over_limit("persons", 90.4)

    assert str(error) == (
        "the client's own limit for persons is used up for 90 s"
        " (nothing was sent now); raise Backoff.max_wait to wait longer"
    )
    assert (error.code, error.detail) == ("throttled", "client-side limit reached")
    assert error.sent is False


async def test_a_wait_for_the_clients_own_window_is_not_put_on_the_server() -> None:
    clock = Clock()
    kept = limiter(clock, Limit(1, 60.0))
    async with kept.permit("default"):
        pass
    clock.now = 20.0

    error = await refusal(kept, 39.0)

    assert (error.retry_after, error.detail) == (40.0, "client-side limit reached")


async def test_a_wait_for_the_end_of_a_block_is_put_on_the_server() -> None:
    clock = Clock()
    kept = limiter(clock, Limit(1, 60.0))
    await kept.block("default", 70.0)
    clock.now = 20.0

    error = await refusal(kept, 49.0)

    assert (error.retry_after, error.detail) == (50.0, "the server asked to wait")


async def test_a_window_that_is_full_for_longer_than_a_block_is_the_clients_own() -> None:
    clock = Clock()
    clock.now = 100.0
    kept = limiter(clock, Limit(1, 60.0))
    async with kept.permit("default"):
        pass
    await kept.block("default", 30.0)

    error = await refusal(kept, 10.0)

    assert (error.retry_after, error.detail) == (60.0, "client-side limit reached")


async def test_the_longest_wait_that_is_allowed_is_waited() -> None:
    clock = Clock()
    kept = limiter(clock, Limit(1, 0.01))
    async with kept.permit("default"):
        pass

    async def later() -> None:
        await anyio.sleep(0.001)
        clock.now = 0.01

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(later)
            await kept.acquire("default", max_wait=0.01)


async def test_one_waits_for_the_end_of_a_request_whatever_the_longest_wait() -> None:
    clock = Clock()
    kept = limiter(clock, Limit(1, 0.01))
    permit = await kept.acquire("default")
    order = list[str]()

    async def ask() -> None:
        await kept.acquire("default", max_wait=0.01)
        order.append("starts")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            order.append("ends")
            await permit.release()
            clock.now = 0.01

    assert order == ["ends", "starts"]


async def test_nobody_overtakes_those_who_wait() -> None:
    clock = Clock()
    kept = limiter(clock, Limit(1, 60.0))
    async with kept.permit("default"):
        pass
    order = list[str]()

    async def ask(name: str) -> None:
        async with kept.permit("default"):
            order.append(name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, "first")
            await anyio.wait_all_tasks_blocked()
            clock.now = 60.0
            group.start_soon(ask, "second")
            await anyio.wait_all_tasks_blocked()
            assert order == []
            for clock.now in (60.0, 120.0):
                await kept.block("default", 0.0)  # wakes the first one of the queue
                await anyio.wait_all_tasks_blocked()

    assert order == ["first", "second"]


async def test_a_permit_that_is_free_is_taken_without_giving_way() -> None:
    kept = limiter(Clock(), Limit(2, 60.0))
    order = list[str]()

    async def other() -> None:
        order.append("other")

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        await kept.acquire("default")
        order.append("taken")

    assert order == ["taken", "other"]


def test_a_window_remembers_no_more_ends_than_it_needs() -> None:
    kept, unlimited = Window((Limit(2, 1.0), Limit(3, 9.0))), Window(())
    for window in (kept, unlimited):
        for end in range(9):
            window.start()
            window.end(float(end))

    assert list(kept.ended) == [6.0, 7.0, 8.0]
    assert list(unlimited.ended) == [8.0]


def test_a_permit_is_free_again_at_the_very_end_of_its_window() -> None:
    kept, limit = Window((Limit(1, 60.0),)), Limit(1, 60.0)
    kept.start()
    kept.end(0.0)

    assert [kept.used(limit, now) for now in (59.9, 60.0)] == [1, 0]
    assert kept.wait(60.0) == 0.0


def test_a_request_that_ends_with_the_block_lets_two_go_out() -> None:
    kept = Window(())
    kept.start()
    kept.block(10.0)

    kept.end(10.0)

    assert kept.at_once == 2


def test_a_window_that_was_never_blocked_lets_any_number_go_out() -> None:
    kept = Window(())
    kept.start()
    kept.end(0.0)

    assert kept.at_once == math.inf
