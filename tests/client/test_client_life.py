"""Where and when a client can be used, and how it ends (docs/reliability.md)."""

import asyncio
import os
import pickle
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio
import pytest

import posthog_env_async
from fault_server import Connection, FaultServer, cut, drip, http, json_page, stall, whole
from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Backoff,
    ConfigurationError,
    MissingScopeError,
    PostHogEnv,
    PostHogError,
    RateLimitError,
    ResponseDecodeError,
)

KEY = "phx_life_cycle"
CSV = b"id\r\n1\r\n2\r\n"


def new_client(host: str = "http://127.0.0.1:9", **how: Any) -> PostHogEnv:
    settings = {"backoff": Backoff(base=0.0), "limits": None, "timeout": 5.0} | how
    return PostHogEnv(1, api_key=KEY, host=host, **settings)


@asynccontextmanager
async def client(server: FaultServer, **how: Any) -> AsyncIterator[PostHogEnv]:
    async with new_client(server.url, **how) as env:
        yield env


async def every_use(env: PostHogEnv, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        await env.persons.get(1)
    with pytest.raises(ConfigurationError, match=match):
        await env.persons.list().collect()
    with pytest.raises(ConfigurationError, match=match):
        await anext(env.persons.csv())
    with pytest.raises(ConfigurationError, match=match):
        await env.for_project(2).key()


async def test_use_before_entry_says_how_to_open() -> None:
    await every_use(new_client(), "not open; use it inside 'async with")


async def test_use_after_close_says_so() -> None:
    env = new_client()
    async with env:
        pass

    await every_use(env, "is closed")


async def test_a_client_is_opened_once() -> None:
    async with new_client() as env:
        with pytest.raises(ConfigurationError, match="opened before"):
            await env.__aenter__()
    with pytest.raises(ConfigurationError, match="opened before"):
        await env.__aenter__()


async def test_closing_twice_or_unopened_does_nothing() -> None:
    env = new_client()
    await env.aclose()
    await env.aclose()


def test_use_in_another_event_loop_says_so() -> None:
    env = new_client()
    runner = asyncio.Runner()
    try:
        runner.run(env.__aenter__())

        asyncio.run(every_use(env, "another event loop"))
        with pytest.raises(ConfigurationError, match="another event loop"):
            asyncio.run(env.aclose())
    finally:
        runner.run(env.aclose())
        runner.close()


async def test_use_in_another_thread_says_so() -> None:
    async with new_client() as env:
        await anyio.to_thread.run_sync(lambda: asyncio.run(every_use(env, "another event loop")))


async def test_use_outside_of_asyncio_says_so() -> None:
    trio = pytest.importorskip("trio")
    async with new_client() as env:
        await anyio.to_thread.run_sync(lambda: trio.run(every_use, env, "another event loop"))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_use_after_a_fork_says_so() -> None:
    env = new_client()
    runner = asyncio.Runner()
    runner.run(env.__aenter__())
    child = os.fork()
    if not child:
        code = 1
        try:
            asyncio.run(every_use(env, "another process"))
            code = 0
        finally:
            os._exit(code)

    _, status = os.waitpid(child, 0)
    runner.run(env.aclose())
    runner.close()

    assert status == 0


def test_outside_of_asyncio_says_so() -> None:
    with pytest.raises(ConfigurationError, match="not trio"):
        new_client().__aenter__().send(None)  # type: ignore[attr-defined]


def test_on_trio_says_so() -> None:
    trio = pytest.importorskip("trio")

    async def use() -> None:
        async with new_client():
            pass

    with pytest.raises(ConfigurationError, match="not trio"):
        trio.run(use)


async def test_a_session_of_the_caller_is_used_and_not_closed() -> None:
    async with FaultServer([whole(json_page())]) as server, aiohttp.ClientSession() as session:
        async with client(server, session=session) as env:
            await env.persons.list().collect()

        assert not session.closed


async def test_a_closed_session_of_the_caller_says_so() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with new_client(session=session) as env:
        with pytest.raises(APIConnectionError, match="is closed or of another loop"):
            await env.persons.get(1)


# closing with requests in flight


async def test_closing_breaks_off_what_is_in_flight() -> None:
    async with FaultServer([], then=stall()) as server:
        env = new_client(server.url, timeout=60.0, max_connections=4)
        await env.__aenter__()
        calls = [asyncio.ensure_future(env.persons.get(number)) for number in range(10)]
        calls.append(asyncio.ensure_future(env.persons.list(prefetch=4).collect()))
        await server.came(4)

        with anyio.fail_after(2):
            await env.aclose()
            results = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(result) for result in results} <= {APIConnectionError, ConfigurationError}
    assert all("closed" in str(result) for result in results)


async def test_closing_twice_at_once_breaks_a_call_off_once() -> None:
    async with FaultServer([stall()]) as server, client(server) as env:
        call = asyncio.ensure_future(env.persons.get(1))
        await server.came(1)

        await asyncio.gather(env.aclose(), env.aclose())

        with pytest.raises(APIConnectionError, match="the client was closed"):
            await call


@pytest.mark.parametrize("seen", [0, 1])
async def test_closing_breaks_off_a_stream(seen: int) -> None:
    body = http(CSV, kind="text/csv", length=len(CSV) + 5)
    async with FaultServer([], then=stall(body if seen else b"")) as server:
        env = new_client(server.url, timeout=60.0)
        await env.__aenter__()
        came = asyncio.Event()

        async def read() -> None:
            async for _ in env.persons.csv():
                came.set()

        reading = asyncio.ensure_future(read())
        await server.came(1)
        if seen:
            await came.wait()

        with anyio.fail_after(2):
            await env.aclose()
            (result,) = await asyncio.gather(reading, return_exceptions=True)

    assert isinstance(result, APIConnectionError)
    assert "closed" in str(result)


async def test_nothing_is_left_after_closing() -> None:
    before = len(asyncio.all_tasks()), threading.active_count()
    async with FaultServer([], then=drip(b"x" * 99, head=http(length=200))) as server:
        async with client(server, timeout=60.0) as env:
            calls = [asyncio.ensure_future(env.persons.get(number)) for number in range(5)]
            await server.came(5)
        await asyncio.gather(*calls, return_exceptions=True)
        with anyio.fail_after(5):
            await server.left()
    await asyncio.sleep(0.01)

    assert (len(asyncio.all_tasks()), threading.active_count()) == before


async def test_a_cancelled_call_leaves_the_pool_usable() -> None:
    async with (
        FaultServer([stall()] * 20, then=whole(json_page())) as server,
        client(server, max_connections=1) as env,
    ):
        for _ in range(20):
            with anyio.move_on_after(0.01):
                await env.persons.get(1)
        server.plays.clear()

        with anyio.fail_after(2):
            assert len(await env.persons.list().collect()) == 1


# the pool cannot deadlock


async def test_a_client_may_be_used_while_it_streams_with_one_connection() -> None:
    csv = whole(CSV, kind="text/csv")
    async with (
        FaultServer([csv], then=whole(json_page())) as server,
        client(server, max_connections=1) as env,
    ):
        with anyio.fail_after(2):
            async for _ in env.persons.csv():
                assert len(await env.persons.list().collect()) == 1


async def test_a_client_may_be_used_while_it_streams_with_a_limit_of_one_at_a_time() -> None:
    from posthog_env_async import Limit

    csv = whole(CSV, kind="text/csv")
    async with (
        FaultServer([csv], then=whole(json_page())) as server,
        client(server, limits=[Limit(1, 0.05)]) as env,
    ):
        with anyio.fail_after(2):
            async for _ in env.persons.csv():
                assert len(await env.persons.list().collect()) == 1


async def test_a_stream_inside_a_stream_with_one_connection_is_an_error_not_a_hang() -> None:
    csv = whole(CSV, kind="text/csv")
    async with (
        FaultServer([], then=csv) as server,
        client(server, max_connections=1, timeout=0.2) as env,
    ):
        with anyio.fail_after(2):
            with pytest.raises(APITimeoutError, match="streams are open"):  # noqa: PT012 - the loop is the call
                async for _ in env.persons.csv():
                    [piece async for piece in env.persons.csv()]


async def test_calls_never_exceed_the_connections_and_all_come_through() -> None:
    busy, most = 0, 0

    async def slow(connection: Connection) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.001)
        busy -= 1
        await connection.send(http(json_page()))

    async with FaultServer([], then=slow) as server, client(server, max_connections=3) as env:
        with anyio.fail_after(10):
            await asyncio.gather(*(env.persons.list().collect() for _ in range(100)))

    assert most <= 3


# errors travel


async def raised(answer: Any, env_settings: dict[str, Any] | None = None) -> PostHogError:
    async with FaultServer([], then=answer) as server:
        settings = {"backoff": Backoff(max_attempts=1), **(env_settings or {})}
        async with client(server, **settings) as env:
            with pytest.raises(PostHogError) as caught:
                await env.persons.list().collect()
    return caught.value


HOG = b'{"type": "x", "code": "c", "detail": "d", "attr": "a", "extra": {"b": [1]}}'
SCOPE = b'{"detail": "API key missing required scope \'person:read\'"}'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (cut(http(b"{}"), 10), APIConnectionError),
        (stall(), APITimeoutError),
        (whole(HOG, 418, headers=[("X-Request-Id", "r")]), APIStatusError),
        (whole(HOG, 429, headers=[("Retry-After", "7")]), RateLimitError),
        (whole(SCOPE, 403), MissingScopeError),
        (whole(b"{}"), ResponseDecodeError),
    ],
)
async def test_an_error_can_be_pickled_with_all_its_fields(
    answer: Any, kind: type[PostHogError]
) -> None:
    error = await raised(answer, {"timeout": 0.2})

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert type(again) is type(error) is kind
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
    assert again.resume_token


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in posthog_env_async.__all__
        if isinstance(kind := getattr(posthog_env_async, name), type)
        and issubclass(kind, PostHogError)
    ],
)
def test_every_kind_of_error_pickles(name: str) -> None:
    kind = getattr(posthog_env_async, name)
    fields: dict[str, Any] = {"status": 400} if issubclass(kind, APIStatusError) else {}
    if issubclass(kind, MissingScopeError):
        fields["scope"] = "person:read"
    error = kind("text", **fields)

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert (type(again), str(again), vars(again)) == (kind, "text", vars(error))


def test_the_key_does_not_pickle() -> None:
    with pytest.raises((ConfigurationError, TypeError)):
        pickle.dumps(new_client())
