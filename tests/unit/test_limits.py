"""The windows that the server counts, as arithmetic (docs/server.md, Throttles)."""

import math
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from posthog_env_async import ConfigurationError, Limit, Limits, RateLimitError
from posthog_env_async.session import (
    CLOUD_LIMITS,
    RateLimiter,
    Window,
    as_limits,
    describe,
    over_limit,
)


def window(*limits: tuple[int, float]) -> Window:
    return Window(tuple(Limit(*limit) for limit in limits))


def sent(kept: Window, *ends: float) -> Window:
    for end in ends:
        kept.start()
        kept.end(end)
    return kept


def test_an_empty_window_lets_a_request_start() -> None:
    assert window((1, 60.0)).wait(0.0) == 0.0


def test_a_full_window_waits_until_the_oldest_leaves_it() -> None:
    kept = sent(window((2, 60.0)), 0.0, 10.0)

    assert kept.wait(10.0) == 50.0
    assert kept.wait(60.0) == 0.0


def test_every_window_holds_at_once() -> None:
    kept = sent(window((2, 60.0), (3, 3600.0)), 0.0, 100.0, 200.0)

    assert kept.wait(300.0) == 3300.0


def test_requests_in_flight_hold_permits() -> None:
    kept = window((1, 60.0))
    kept.start()

    assert kept.wait(1_000.0) == math.inf


def test_a_request_counts_until_the_window_after_its_end() -> None:
    kept = window((1, 60.0))
    kept.start()
    kept.end(30.0)

    assert kept.wait(61.0) == 29.0


def test_a_budget_without_windows_is_open() -> None:
    kept = sent(Window(()), 0.0, 0.0)

    assert kept.wait(0.0) == 0.0


def test_a_block_stops_every_request_and_the_longest_counts() -> None:
    kept = Window(())

    kept.block(50.0)
    kept.block(20.0)

    assert kept.wait(10.0) == 40.0


def test_after_a_block_requests_go_out_one_at_a_time_then_two_then_more() -> None:
    kept = Window(())
    kept.block(10.0)
    together = list[int]()

    while kept.at_once < math.inf:
        started = 0
        while kept.wait(20.0) == 0.0:
            kept.start()
            started += 1
        together.append(started)
        kept.end(20.0)
        for _ in range(started - 1):
            kept.in_flight -= 1

    assert together == [1, 2, 4, 8, 16, 32, 64]


def test_a_request_that_ends_during_a_block_does_not_end_it() -> None:
    kept = Window(())
    kept.start()
    kept.block(10.0)

    kept.end(5.0)

    assert kept.at_once == 1


def test_used_permits_are_counted() -> None:
    kept = sent(window((5, 60.0)), 0.0, 50.0)
    kept.start()

    assert kept.used(Limit(5, 60.0), 70.0) == 2


@pytest.mark.parametrize(("requests", "seconds"), [(0, 60.0), (1, 0.0), (1, -1.0), (1, math.nan)])
def test_a_limit_that_cannot_work_is_refused(requests: int, seconds: float) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^a Limit has at least one request and more than 0 seconds$"
    ):
        Limit(requests, seconds)


def test_a_group_that_is_left_out_shares_the_default() -> None:
    limits = Limits(persons=[Limit(1, 1.0)], default=[Limit(2, 2.0)])

    assert limits.budget("persons") == "persons"
    assert limits.budget("max_tools") == limits.budget("another") == "default"
    assert limits.of("max_tools") == (Limit(2, 2.0),)


def test_an_empty_group_is_not_limited() -> None:
    limits = Limits(persons=(), default=[Limit(2, 2.0)])

    assert limits.of("persons") == ()


def test_a_sequence_is_one_budget_for_every_request() -> None:
    limits = as_limits([Limit(2, 2.0)])

    assert {limits.budget(group) for group in ("persons", "max_tools", "default")} == {"default"}
    assert limits.of("persons") == (Limit(2, 2.0),)


def test_no_limits_are_none() -> None:
    assert as_limits(None).of("persons") == ()
    assert Limits(default=None).of("persons") == ()


def test_limits_stay_as_they_are() -> None:
    assert as_limits(CLOUD_LIMITS) is CLOUD_LIMITS


def test_the_published_limits_of_the_cloud() -> None:
    assert CLOUD_LIMITS.of("persons") == (Limit(240, 60.0),)
    assert CLOUD_LIMITS.of("max_tools") == (Limit(10, 60.0), Limit(100, 86_400.0))
    assert CLOUD_LIMITS.of("default") == (Limit(480, 60.0), Limit(4800, 3600.0))


def test_the_clients_own_limit_says_that_nothing_was_sent() -> None:
    error = over_limit("persons", 90.0)

    assert (error.status, error.attempts, error.retry_after) == (429, 0, 90.0)
    assert "nothing was sent" in str(error)


def limiter(now: Callable[[], float], **groups: list[Limit]) -> RateLimiter:
    return RateLimiter(Limits(**groups), now)


async def test_a_permit_that_is_too_far_away_is_an_error() -> None:
    kept = limiter(lambda: 0.0, persons=[Limit(1, 60.0)])
    async with kept.permit("persons"):
        pass

    with pytest.raises(RateLimitError, match="persons"):
        async with kept.permit("persons", max_wait=59.0):
            pass


async def test_budgets_do_not_share_their_windows() -> None:
    kept = limiter(lambda: 0.0, persons=[Limit(1, 60.0)], default=[Limit(2, 60.0)])

    with anyio.fail_after(5):
        async with kept.permit("persons"), kept.permit("default"), kept.permit("max_tools"):
            left = kept.left()

    assert left["persons"] == ((Limit(1, 60.0), 0),)
    assert left["default"] == left["max_tools"] == ((Limit(2, 60.0), 0),)


async def test_a_permit_is_free_when_a_request_ends() -> None:
    kept = limiter(anyio.current_time, default=[Limit(1, 0.01)])

    with anyio.fail_after(5):
        for _ in range(3):
            async with kept.permit("default", max_wait=60.0):
                await anyio.lowlevel.checkpoint()

    assert kept.left()["default"] == ((Limit(1, 0.01), 0),)


async def test_a_block_reaches_those_who_already_wait() -> None:
    kept = limiter(anyio.current_time, default=[Limit(1, 0.02)])
    began = anyio.current_time()

    async def ask() -> None:
        async with kept.permit("default"):
            pass

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(ask)
            await anyio.sleep(0.005)
            await kept.block("default", 0.1)

    assert anyio.current_time() - began >= 0.1


async def test_a_limiter_shows_what_is_left_and_blocked() -> None:
    kept = limiter(lambda: 100.0, persons=[Limit(3, 60.0)], default=[])
    async with kept.permit("persons"):
        left = kept.left()
    await kept.block("persons", 7.0)

    assert left == {"persons": ((Limit(3, 60.0), 2),), "max_tools": (), "default": ()}
    assert kept.blocked_for("persons") == 7.0
    assert kept.blocked_for("default") == 0.0
    assert (kept.is_limited("persons"), kept.is_limited("max_tools")) == (True, False)


async def test_a_block_lasts_a_day_at_most() -> None:
    kept = limiter(lambda: 0.0, default=[])

    await kept.block("default", 1e12)

    assert kept.blocked_for("default") == 86_400.0


def test_limits_are_described_by_budget() -> None:
    assert describe(Limits(default=[Limit(5, 1.0), Limit(9, 60.0)])) == (
        "default 5 in 1 s and 9 in 60 s"
    )
    assert describe(Limits(persons=[Limit(1, 0.5)])) == "persons 1 in 0.5 s; default none"
