"""What one limiter promises, whether its state is in Redis or in a file."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from posthog_env_async import (
    APIConnectionError,
    ConfigurationError,
    Limit,
    LimiterUnavailableError,
    Limits,
    RateLimitError,
)
from posthog_env_async.integrations.redis import RedisLimiter, RedisLimitStore, Share
from posthog_env_async.integrations.shared_limits.limiter import SharedLimiter
from posthog_env_async.integrations.shared_limits.sqlite_store import Clock
from posthog_env_async.integrations.sqlite import SQLiteLimiter, SQLiteLimitStore
from posthog_env_async.session import as_limits

from .conftest import free_port, start_redis, stop

KEY = "phx_0123456789abcdef0123456789abcdef"
Make = Callable[..., SharedLimiter]


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.servers), "sqlite"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Make]:
    """Make limiters that share their state, as processes do, and close them in the end."""
    kind: Any = SQLiteLimiter
    place = str(tmp_path / "limits.db")
    if request.param == "redis":
        kind, place = RedisLimiter, request.getfixturevalue("redis_url")
        from redis import Redis

        with Redis.from_url(place) as client:
            client.flushall()
    made: list[SharedLimiter] = []

    def limiter(*limits: Limit, by_group: Limits | None = None, **options: Any) -> SharedLimiter:
        made.append(kind(place, by_group or limits, **options))
        return made[-1]

    yield limiter
    for each in made:
        await each.aclose()


async def use(limiter: SharedLimiter, times: int = 1, budget: str = "persons") -> float:
    """Send nothing so many times, and return how long it took."""
    began = time.monotonic()
    for _ in range(times):
        async with limiter.permit(budget):
            pass
    return time.monotonic() - began


async def test_a_permit_is_free_again_one_window_after_the_end_of_the_request(make: Make) -> None:
    one, other = make(Limit(2, 0.5)), make(Limit(2, 0.5))

    async with one.permit("persons"):
        await use(other)
        await anyio.sleep(0.2)
    waited = await use(other, 2)

    assert 0.45 <= waited < 1.5


async def test_a_running_request_keeps_its_permit_beyond_the_lease(make: Make) -> None:
    limit = Limit(1, 0.2)
    one, other = make(limit, lease=0.3), make(limit, lease=0.3)

    async with one.permit("persons"):
        with anyio.move_on_after(1.0) as scope:
            await use(other)

    assert scope.cancelled_caught


async def test_the_permit_of_a_dead_worker_is_lost_for_its_lease_and_then_free(
    make: Make,
) -> None:
    limit = Limit(1, 0.2)
    dead, other = make(limit, lease=0.5), make(limit, lease=0.5)
    await dead.store.acquire("default", (limit,), "somebody who dies", 0)

    waited = await use(other)

    assert 0.65 <= waited < 2.0


async def test_every_window_of_a_budget_holds_at_once(make: Make) -> None:
    limiter = make(Limit(2, 0.2), Limit(3, 0.8))

    waited = await use(limiter, 4)

    assert 0.8 <= waited < 2.0


async def test_budgets_are_counted_apart(make: Make) -> None:
    limiter = make(by_group=Limits(persons=[Limit(1, 5.0)], default=[Limit(2, 5.0)]))

    await use(limiter, 1, "persons")
    waited = await use(limiter, 2, "max_tools")

    assert waited < 1.0
    with pytest.raises(RateLimitError):
        async with limiter.permit("persons", max_wait=1.0):
            pass


async def test_names_are_counted_apart(make: Make) -> None:
    one, other = make(Limit(1, 5.0), name="one"), make(Limit(1, 5.0), name="other")

    await use(one)

    assert await use(other) < 1.0


async def test_what_is_left_is_told_for_all_processes_together(make: Make) -> None:
    limits = Limits(persons=[Limit(5, 60.0), Limit(9, 600.0)], default=[Limit(3, 60.0)])
    one, other = make(by_group=limits), make(by_group=limits)

    await use(one, 2)
    async with other.permit("persons"):
        left = await one.left()

    assert left["persons"] == ((Limit(5, 60.0), 2), (Limit(9, 600.0), 6))
    assert left["max_tools"] == left["default"] == ((Limit(3, 60.0), 3),)


async def test_a_block_of_one_process_blocks_those_who_wait_in_another(make: Make) -> None:
    limit = Limit(1, 0.3)
    one, other = make(limit), make(limit)
    await use(one)
    began = time.monotonic()

    async with anyio.create_task_group() as group:
        group.start_soon(use, other)
        await anyio.sleep(0.1)
        await one.block("persons", 1.0)
    waited = time.monotonic() - began

    assert waited >= 1.0
    assert other.blocked_for("persons") == 0.0


async def test_after_a_block_requests_go_out_one_at_a_time_at_first(make: Make) -> None:
    limit = Limit(50, 1.0)
    one, other = make(limit), make(limit)
    under_way = most = 0
    counts: list[int] = []

    async def send(limiter: SharedLimiter) -> None:
        nonlocal under_way, most
        async with limiter.permit("persons"):
            under_way += 1
            counts.append(under_way)
            await anyio.sleep(0.02)
            under_way -= 1

    await one.block("persons", 0.2)
    async with anyio.create_task_group() as group:
        for limiter in (one, other) * 8:
            group.start_soon(send, limiter)

    assert counts[0] == counts[1] == 1
    assert max(counts) > 2


async def test_a_block_is_known_to_the_process_that_was_told(make: Make) -> None:
    limiter = make(Limit(5, 1.0))

    await limiter.block("persons", 30.0)

    assert 29.0 < limiter.blocked_for("persons") <= 30.0
    with pytest.raises(RateLimitError) as caught:
        async with limiter.permit("persons", max_wait=10.0):
            pass
    assert 29.0 < (caught.value.retry_after or 0) <= 30.0


async def test_a_wait_that_is_too_long_raises_and_takes_no_permit(make: Make) -> None:
    limiter = make(Limit(1, 2.0))
    await use(limiter)

    with pytest.raises(RateLimitError):
        async with limiter.permit("persons", max_wait=0.5):
            pass
    waited = await use(limiter)

    assert waited < 2.5


async def test_cancelled_tasks_leave_neither_permits_nor_mixed_up_responses(
    make: Make,
) -> None:
    limiter = make(Limit(20, 0.3))

    for step in range(40):
        with anyio.move_on_after(0.0005 * step):
            await use(limiter, 3)
    await anyio.sleep(0.4)

    assert (await limiter.left())["persons"][0][1] == 20
    assert await use(limiter, 20) < 0.3


async def test_no_limit_means_no_wait_but_blocks_are_kept(make: Make) -> None:
    limiter = make()

    free = await use(limiter, 100)
    await limiter.block("persons", 0.3)
    held = await use(limiter)

    assert not limiter.is_limited("persons")
    assert free < 2.0
    assert held >= 0.25


async def test_redis_away_is_a_clear_error_that_names_no_password() -> None:
    url = f"redis://:s3cret@127.0.0.1:{free_port()}/0"

    async with RedisLimiter(url, [Limit(5, 1.0)]) as limiter:
        with pytest.raises(APIConnectionError, match="Redis of the shared limiter") as caught:
            await use(limiter)

    assert "s3cret" not in f"{caught.value!r}{limiter!r}"
    assert not caught.value.outcome_unknown


@pytest.mark.servers
async def test_without_redis_each_process_goes_on_with_its_share(tmp_path: Path) -> None:
    port, share = free_port(), Share(processes=4)
    url = f"redis://127.0.0.1:{port}/0"
    server = start_redis(port, tmp_path)

    async with RedisLimiter(url, [Limit(20, 0.5)], on_unavailable=share) as limiter:
        together = await use(limiter, 10)
        stop(server)
        alone = await use(limiter, 11)
        await limiter.block("persons", 0.4)
        held = await use(limiter)

    assert together < 0.5
    assert alone >= 1.5
    assert held >= 0.35


@pytest.mark.servers
async def test_a_block_that_redis_cannot_be_told_of_is_kept_here(tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    server = start_redis(port, tmp_path)

    async with RedisLimiter(url, [Limit(20, 0.1)], on_unavailable=Share(2)) as limiter:
        await use(limiter)
        stop(server)
        await limiter.block("persons", 0.5)
        held = await use(limiter)

    assert held >= 0.45


async def test_a_share_is_fewer_requests_or_one_in_a_longer_time() -> None:
    limits = Limits(persons=[Limit(240, 60.0), Limit(3, 60.0)])

    part = Share(processes=6).of(limits)

    assert part.persons == (Limit(40, 60.0), Limit(1, 120.0))


def test_a_share_is_among_somebody() -> None:
    with pytest.raises(ConfigurationError, match="at least one process"):
        Share(0)


async def test_a_share_is_kept_while_redis_stays_away() -> None:
    skipped = 0.0
    url, share = f"redis://127.0.0.1:{free_port()}/0", Share(2)
    async with RedisLimiter(url, [Limit(5, 30.0)], on_unavailable=share) as limiter:
        limiter.now = lambda: time.monotonic() + skipped
        with pytest.raises(RateLimitError) as first:
            await limiter.acquire("persons", max_wait=1.0)
        skipped = 20.0
        with pytest.raises(RateLimitError) as second:
            await limiter.acquire("persons", max_wait=1.0)

    assert 28 < (first.value.retry_after or 0) <= 30
    assert 5 < (second.value.retry_after or 0) <= 10


async def test_a_file_that_another_process_keeps_locked_is_an_error_or_a_share(
    tmp_path: Path,
) -> None:
    limits = as_limits([Limit(5, 0.1)])
    store = SQLiteLimitStore(str(tmp_path / "limits.db"), "default", busy=0.05)
    limiter = SharedLimiter(store, limits)
    await use(limiter)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LimiterUnavailableError, match="was locked") as caught:
            await use(limiter)
        alone = await use(SharedLimiter(store, limits, on_unavailable=Share(2)))
    after = await use(limiter)
    await limiter.aclose()

    assert caught.value.retryable
    assert alone >= 0.1
    assert after < 5


async def test_a_file_that_lost_its_tables_is_an_error_and_is_not_left_locked(
    tmp_path: Path,
) -> None:
    path = tmp_path / "limits.db"
    async with SQLiteLimiter(path, [Limit(5, 0.1)]) as limiter:
        await use(limiter)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            for (name,) in other.execute("SELECT name FROM sqlite_master").fetchall():
                other.execute(f"DROP TABLE IF EXISTS {name}")
            with pytest.raises(ConfigurationError, match="cannot be used"):
                await use(limiter)
            other.execute("BEGIN EXCLUSIVE")


async def test_the_key_is_in_no_name_that_redis_keeps(redis_url: str) -> None:
    from redis import Redis

    async with RedisLimiter.for_key(redis_url, KEY, [Limit(5, 1.0)]) as limiter:
        await use(limiter)
    with Redis.from_url(redis_url) as client:
        names = b" ".join(client.keys())

    assert b"persons" in names or b"default" in names
    assert KEY.encode() not in names
    assert KEY[4:12].encode() not in names


async def test_a_limiter_of_the_same_key_shares_and_of_another_does_not(redis_url: str) -> None:
    limits, key = [Limit(1, 5.0)], f"{KEY}0"
    async with (
        RedisLimiter.for_key(redis_url, key, limits) as one,
        RedisLimiter.for_key(redis_url, f" {key}\n", limits) as same,
        RedisLimiter.for_key(redis_url, key[::-1], limits) as another,
    ):
        await use(one)
        free = await use(another)
        with pytest.raises(RateLimitError):
            async with same.permit("persons", max_wait=0.5):
                pass

    assert free < 1.0


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="redis://"):
        RedisLimiter("localhost:6379")


async def test_a_file_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    async with SQLiteLimiter(tmp_path / "no" / "limits.db") as limiter:
        with pytest.raises(ConfigurationError, match="file of the shared limiter"):
            await use(limiter)


@pytest.mark.parametrize(
    ("wall", "monotonic", "expected"),
    [
        (110.0, 60.0, 10.0),
        (3_710.0, 60.0, 10.0),
        (10.0, 60.0, 0.0),
        (110.0, 5.0, 10.0),
        (90.0, 5.0, 0.0),
    ],
    ids=["both go on", "the wall is set forward", "or back", "the machine started anew", "both"],
)
def test_a_clock_in_a_file_never_goes_faster_than_time(
    wall: float, monotonic: float, expected: float
) -> None:
    clock = Clock(lambda: wall, lambda: monotonic)

    now, *shown = clock.after(1000.0, 100.0, 50.0)

    assert now == 1000.0 + expected
    assert shown == [wall, monotonic]


async def test_the_file_of_the_limiter_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    async with SQLiteLimiter(tmp_path / "limits.db", [Limit(5, 1.0)]) as limiter:
        await use(limiter)

        modes = {found.name: found.stat().st_mode & 0o777 for found in tmp_path.iterdir()}

    assert set(modes) >= {"limits.db", "limits.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_a_permit_that_is_older_than_its_lease_says_so(make: Make) -> None:
    skipped = 0.0
    limiter = make(Limit(5, 1.0), lease=10.0)
    limiter.now = lambda: time.monotonic() + skipped

    permit = await limiter.acquire("persons")
    fresh = permit.is_expired
    skipped = 9.0
    old = permit.is_expired
    await permit.release()

    assert (fresh, old) == (False, True)


async def test_a_file_that_was_deleted_in_mid_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "limits.db"
    async with SQLiteLimiter(path, [Limit(5, 1.0)], on_unavailable=Share(2)) as limiter:
        permit = await limiter.acquire("persons")
        path.unlink()
        await permit.release()
        with pytest.raises(LimiterUnavailableError, match="deleted or replaced"):
            await use(limiter)
        SQLiteLimiter(path)
        path.touch()
        with pytest.raises(LimiterUnavailableError, match="deleted or replaced"):
            await use(limiter)


async def test_a_limiter_belongs_to_one_event_loop(make: Make) -> None:
    limiter = make(Limit(5, 1.0))
    await use(limiter)

    with pytest.raises(ConfigurationError, match="another process or event loop"):
        await anyio.to_thread.run_sync(anyio.run, use, limiter)


@pytest.mark.servers
@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_redis_that_may_throw_the_state_away_is_refused(
    tmp_path: Path, policy: str
) -> None:
    from redis import Redis

    port = free_port()
    server = start_redis(port, tmp_path)
    url = f"redis://127.0.0.1:{port}/0"
    with Redis.from_url(url) as admin:
        admin.config_set("maxmemory", "100mb")
        admin.config_set("maxmemory-policy", policy)
    try:
        async with RedisLimiter(url, [Limit(5, 1.0)]) as limiter:
            with pytest.raises(ConfigurationError, match=f"maxmemory-policy {policy}"):
                await use(limiter)
    finally:
        stop(server)


@pytest.mark.servers
async def test_a_wrong_password_is_an_error_also_with_a_share(tmp_path: Path) -> None:
    from redis import Redis

    port = free_port()
    server = start_redis(port, tmp_path)
    with Redis.from_url(f"redis://127.0.0.1:{port}/0") as admin:
        admin.config_set("requirepass", "right")
    url = f"redis://:s3cret@127.0.0.1:{port}/0"
    try:
        async with RedisLimiter(url, [Limit(5, 1.0)], on_unavailable=Share(2)) as limiter:
            with pytest.raises(LimiterUnavailableError) as caught:
                await use(limiter)
    finally:
        stop(server)

    assert not caught.value.retryable
    assert "s3cret" not in f"{caught.value!r}{limiter.describe()}"


async def test_a_redis_that_does_not_describe_itself_is_used_all_the_same(redis_url: str) -> None:
    from redis import Redis

    with Redis.from_url(redis_url) as admin:
        rights: Any = {"keys": ["*"], "categories": ["+@all"], "commands": ["-info"]}
        admin.acl_setuser("app", enabled=True, passwords=["+pw"], **rights)
    url = redis_url.replace("redis://", "redis://app:pw@")

    async with RedisLimiter(url, [Limit(2, 0.5)]) as limiter:
        assert 0.4 < await use(limiter, 3) < 5


@pytest.mark.servers
async def test_a_cluster_keeps_the_limits_wherever_their_slots_are(tmp_path: Path) -> None:
    from redis import Redis

    ports, buses = [free_port(), free_port()], [free_port(), free_port()]
    servers = list[Any]()
    for port, bus in zip(ports, buses, strict=True):
        (folder := tmp_path / str(port)).mkdir()
        cluster = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
        servers.append(start_redis(port, folder, *cluster))
    halves = [(0, 8191), (8192, 16383)]
    try:
        admins = [Redis(port=port) for port in ports]
        for admin, half in zip(admins, halves, strict=True):
            admin.execute_command("CLUSTER ADDSLOTSRANGE", *half)
        admins[0].execute_command("CLUSTER MEET", "127.0.0.1", ports[1], buses[1])
        with anyio.fail_after(20):
            while not all(is_ready(admin) for admin in admins):
                await anyio.sleep(0.05)
        limits = Limits(persons=[Limit(2, 0.5)], default=[Limit(2, 0.5)])
        for name in ("one", "two", "three"):
            async with RedisLimiter(f"redis://127.0.0.1:{ports[0]}", limits, name=name) as limiter:
                waited = [await use(limiter, 3, budget) for budget in ("persons", "default")]
            assert all(0.4 < seconds < 5 for seconds in waited)
        for admin in admins:
            admin.close()
    finally:
        for server in servers:
            stop(server)


def is_ready(admin: Any) -> bool:
    """Whether a node knows the other one, and who has each of the slots."""
    facts = admin.execute_command("CLUSTER INFO")
    return (facts["cluster_state"], facts["cluster_known_nodes"]) == ("ok", "2")


def test_the_limits_that_apply_are_told_and_to_whom(tmp_path: Path) -> None:
    limiter = SQLiteLimiter(tmp_path / "limits.db")

    assert limiter.describe() == (
        "persons 240 in 60 s; max_tools 10 in 60 s and 100 in 86400 s; default 480 in 60 s and"
        f" 4800 in 3600 s; shared by all processes that name the file {tmp_path}/limits.db and the"
        " name 'default'"
    )


async def test_limits_that_nobody_gave_are_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="posthog_env_async"):
        async with (
            SQLiteLimiter(tmp_path / "a.db") as limiter,
            SQLiteLimiter(tmp_path / "b.db", [Limit(5, 1.0)]) as given,
        ):
            await use(limiter, 2)
            await use(given)

    assert len(caplog.records) == 1
    assert "no limits were given, so Cloud's apply: persons 240 in 60 s" in caplog.text


def test_a_name_in_braces_keeps_all_keys_of_a_budget_in_one_slot(redis_url: str) -> None:
    from redis.crc import key_slot

    store = RedisLimitStore(redis_url, "}a{b")
    slots = {key_slot(name.encode()) for name in store.keys_of("persons")}

    assert len(slots) == 1


def test_the_limiter_of_a_key_that_changes_is_named() -> None:
    changing: Any = lambda: KEY  # noqa: E731
    with pytest.raises(ConfigurationError, match="name="):
        SQLiteLimiter.for_key("limits.db", changing)
