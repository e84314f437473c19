"""What goes out: each request once, and again only when that is safe (docs/reliability.md)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import ClientSession

from fault_server import (
    PERSON,
    Connection,
    FaultServer,
    Play,
    close,
    cut,
    http,
    json_page,
    play,
    reset,
    stall,
    whole,
)
from posthog_env_async import (
    APIConnectionError,
    Backoff,
    InsightAnswer,
    NotFoundError,
    PaginationError,
    PostHogEnv,
    PostHogError,
    RateLimitError,
    ServerError,
)
from posthog_env_async.session import RetryQuota

KEY = "phx_wire_sending"
FOLDER_ID = "0190f000-0000-7000-8000-00000000000f"
FOLDER = json.dumps(
    {
        "id": FOLDER_ID,
        "type": "home",
        "protocol": "products://",
        "path": "",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
).encode()
LOGS = b'{"results": [], "hasMore": false, "nextCursor": null}'
ROW = json.dumps(PERSON).encode()
RETRY = Backoff(base=0.0)

Ask = Callable[[PostHogEnv], Coroutine[Any, Any, Any]]


async def ask_max(env: PostHogEnv) -> InsightAnswer:
    return await env.max_tools.create_and_query_insight("q", "trends", timeout=0.2)


SAFE: dict[str, tuple[Ask, bytes]] = {
    "GET a person": (lambda env: env.persons.get(1), ROW),
    "GET a page": (lambda env: env.persons.list().collect(), json_page()),
    "PUT a folder": (lambda env: env.persisted_folders.replace(FOLDER_ID, type="home"), FOLDER),
    "POST a whole folder": (lambda env: env.persisted_folders.create("home"), FOLDER),
    "DELETE a folder": (lambda env: env.persisted_folders.delete(FOLDER_ID), b""),
    "POST a logs query": (lambda env: env.logs.query().collect(), LOGS),
}
UNSAFE: dict[str, tuple[Ask, bytes]] = {
    "PATCH a folder": (lambda env: env.persisted_folders.update(FOLDER_ID, path="x"), FOLDER),
    "POST anything": (lambda env: env.request("POST", "cohorts", json={"name": "x"}), b"{}"),
    "PATCH anything": (lambda env: env.request("PATCH", "cohorts/1", json={"name": "x"}), b"{}"),
    "ask Max": (ask_max, b"[]"),
}
LOST: dict[str, Play] = {
    "closed in silence": close,
    "reset": reset,
    "cut in the head": cut(http(b"{}"), 20),
    "cut in the body": cut(http(b"{}"), -1),
    "stalled": stall(),
    "no HTTP": cut(b"nonsense\r\n\r\n"),
}
FAILED: dict[str, Play] = {
    "500": whole(b"", 500),
    "502 in HTML": whole(b"<html>", 502, kind="text/html"),
    "503": whole(b"", 503),
    "504": whole(b"", 504),
    "524": whole(b"", 524),
    "empty": whole(b""),
}


@asynccontextmanager
async def client(server: FaultServer, **how: Any) -> AsyncIterator[PostHogEnv]:
    settings = {"backoff": RETRY, "limits": None, "timeout": 0.5} | how
    async with PostHogEnv(1, api_key=KEY, host=server.url, **settings) as env:
        yield env


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("name", [*SAFE, *UNSAFE])
async def test_one_attempt_is_one_request_on_the_wire(name: str, fault: str) -> None:
    ask, _ = (SAFE | UNSAFE)[name]
    async with (
        FaultServer([], then=LOST[fault]) as server,
        client(
            server, backoff=Backoff(max_attempts=1), timeout=0.4 if fault == "stalled" else 5.0
        ) as env,
    ):
        with pytest.raises(APIConnectionError):
            await ask(env)

        assert env.requests == len(server.requests) == 1


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("name", SAFE)
async def test_what_may_arrive_twice_is_sent_again(name: str, fault: str) -> None:
    ask, good = SAFE[name]
    async with (
        FaultServer([LOST[fault], whole(good)]) as server,
        client(server, timeout=0.5 if fault == "stalled" else 5.0) as env,
    ):
        await ask(env)

        assert env.requests == len(server.requests) == 2


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("name", UNSAFE)
async def test_what_must_not_arrive_twice_is_sent_once_and_its_outcome_unknown(
    name: str, fault: str
) -> None:
    ask, good = UNSAFE[name]
    async with (
        FaultServer([LOST[fault]], then=whole(good)) as server,
        client(server, timeout=0.5 if fault == "stalled" else 5.0) as env,
    ):
        with pytest.raises(APIConnectionError, match="may have been carried out") as caught:
            await ask(env)

    assert caught.value.outcome_unknown
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", FAILED)
@pytest.mark.parametrize("name", UNSAFE)
async def test_what_must_not_arrive_twice_is_not_sent_again_after_a_failure(
    name: str, fault: str
) -> None:
    ask, good = UNSAFE[name]
    async with FaultServer([FAILED[fault]], then=whole(good)) as server, client(server) as env:
        if fault == "empty" and "anything" in name:
            assert await ask(env) is None
        else:
            with pytest.raises(PostHogError):
                await ask(env)

    assert len(server.requests) == 1


@pytest.mark.parametrize("name", [name for name in UNSAFE if name != "ask Max"])
async def test_what_was_refused_for_the_rate_limit_is_sent_again(name: str) -> None:
    ask, good = UNSAFE[name]
    busy = whole(b"", 429, headers=[("Retry-After", "0")])
    async with FaultServer([busy, whole(good)]) as server, client(server) as env:
        await ask(env)

    assert len(server.requests) == 2


async def test_max_is_never_asked_again_by_itself() -> None:
    ask, _ = UNSAFE["ask Max"]
    busy = whole(b"", 429, headers=[("Retry-After", "0")])
    async with FaultServer([], then=busy) as server, client(server) as env:
        with pytest.raises(RateLimitError):
            await ask(env)

    assert len(server.requests) == 1


@pytest.mark.parametrize("name", UNSAFE)
async def test_what_cannot_have_arrived_has_a_known_outcome(name: str) -> None:
    ask, _ = UNSAFE[name]
    async with FaultServer([]) as server:
        host = server.url
    policy = Backoff(max_attempts=3, base=0.0)
    async with PostHogEnv(1, api_key=KEY, host=host, backoff=policy, limits=None) as env:
        with pytest.raises(APIConnectionError, match="cannot connect") as caught:
            await ask(env)

    assert not caught.value.outcome_unknown
    assert caught.value.attempts == (1 if name == "ask Max" else 3)


async def test_a_delete_whose_first_answer_was_lost_succeeds_on_404() -> None:
    async with FaultServer([close, whole(b"{}", 404)]) as server, client(server) as env:
        await env.persisted_folders.delete(FOLDER_ID)

    assert len(server.requests) == 2


async def test_a_delete_of_nothing_is_an_error() -> None:
    async with FaultServer([whole(b"{}", 404)]) as server, client(server) as env:
        with pytest.raises(NotFoundError):
            await env.persisted_folders.delete(FOLDER_ID)


# connections


async def test_connections_are_kept_and_used_again() -> None:
    async with FaultServer([], then=whole(ROW)) as server, client(server) as env:
        for _ in range(5):
            await env.persons.get(1)

    assert len(server.connections) == 1


@pytest.mark.parametrize("by_reset", [False, True])
async def test_a_pool_of_stale_connections_costs_a_read_one_attempt(by_reset: bool) -> None:
    together = asyncio.Barrier(8)

    async def all_at_once(connection: Connection) -> None:
        await together.wait()
        await connection.send(http(ROW))

    # Every kept connection dies on its second request; a new one is well.
    async def dead_when_kept(connection: Connection) -> None:
        if connection.number < 8:
            await cut(b"", by_reset=by_reset)(connection)
        else:
            await connection.send(http(ROW))

    async with (
        FaultServer([all_at_once] * 8, then=dead_when_kept) as server,
        client(server, backoff=Backoff(max_attempts=2, base=0.0)) as env,
    ):
        await asyncio.gather(*(env.persons.get(1) for _ in range(8)))
        await env.persons.get(1)

    assert len(server.requests) == 10


async def test_a_session_of_the_caller_is_kept_when_its_connections_are_stale() -> None:
    # aiohttp itself repeats a read once: so the second connection dies as well.
    async def dead_twice(connection: Connection) -> None:
        await (cut(b"") if connection.number < 2 else whole(ROW))(connection)

    async with (
        FaultServer([whole(ROW)], then=dead_twice) as server,
        ClientSession() as session,
        client(server, session=session, backoff=Backoff(base=0.0)) as env,
    ):
        await env.persons.get(1)
        await env.persons.get(1)

        assert not session.closed

    assert len(server.connections) == 3


async def test_connections_that_were_left_behind_close_when_their_stream_ends() -> None:
    middle, ended = asyncio.Event(), asyncio.Event()
    csv = http(b"id\r\n" + b"1\r\n" * 99, kind="text/csv")

    async def in_two_parts(connection: Connection) -> None:
        await connection.send(csv[:-9])
        await middle.wait()
        await connection.send(csv[-9:])
        await connection.reader.read()
        ended.set()

    async def once(connection: Connection) -> None:
        await connection.send(http(ROW))
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.close()

    async with (
        FaultServer([in_two_parts, once], then=whole(ROW)) as server,
        client(server, backoff=Backoff(base=0.0)) as env,
    ):
        pieces = env.persons.csv()
        text = await anext(pieces)
        await env.persons.get(1)
        await env.persons.get(1)  # on a connection that dies: all of that pool are left behind
        middle.set()
        text += b"".join([piece async for piece in pieces])
        with anyio.fail_after(5):
            await ended.wait()

    assert text.count(b"1\r\n") == 99


async def test_a_connection_that_was_closed_while_idle_costs_nothing() -> None:
    async def answer_and_close(connection: Connection) -> None:
        await connection.send(http(ROW))
        connection.close()

    async with FaultServer([answer_and_close], then=whole(ROW)) as server, client(server) as env:
        await env.persons.get(1)
        await asyncio.wait_for(wait_closed(server), 5)
        await asyncio.sleep(0)
        await env.persons.get(1)

        assert env.requests == len(server.requests) == 2


async def wait_closed(server: FaultServer) -> None:
    await server.connections[0].writer.wait_closed()


def named(name: str) -> bytes:
    return json.dumps({**PERSON, "name": name}).encode()


@pytest.mark.parametrize(
    "stray",
    [
        http(named("stray")),
        http(b'{"detail": "idle"}', 408),
        b"garbage",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
    ids=["an answer", "408", "garbage", "line ends", "half an answer"],
)
async def test_bytes_that_come_while_idle_are_never_read_as_an_answer(stray: bytes) -> None:
    """aiohttp reads them as the answer to the next request."""
    async with FaultServer([], then=whole(named("own"))) as server, client(server) as env:
        await env.persons.get(1)
        server.connections[0].writer.write(stray)
        await asyncio.sleep(0.05)  # for the bytes to cross the loopback
        names = [(await env.persons.get(1)).name for _ in range(3)]

        assert names == ["own", "own", "own"]
        assert env.requests == len(server.requests) == 4


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_a_page_that_answers_another_request_is_read_again(prefetch: int) -> None:
    mixed = Mixing()
    async with FaultServer([], then=mixed.play) as server, client(server, timeout=5.0) as env:
        people = await env.persons.list(page_size=20, prefetch=prefetch).collect()

    assert [person.id for person in people] == list(range(200))
    assert mixed.shifted > 0
    assert len(server.connections) > 1


class Mixing:
    """Pages of 200 persons; a connection that answered twice is one answer behind for ever."""

    def __init__(self) -> None:
        self.shifted = 0
        self.before: dict[int, list[bytes]] = {}

    async def play(self, connection: Connection) -> None:
        from urllib.parse import parse_qs, urlsplit

        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.target).query)
        start, size = int(query["offset"][0]), int(query["limit"][0])
        rows = [person(number) for number in range(start, min(start + size, 200))]
        next = f"http://x/api/?limit={size}&offset={start + size}" if start + size < 200 else None
        kept = self.before.setdefault(connection.number, [])
        kept.append(json_page(rows, next))
        if connection.number == 0 and len(kept) > 2:
            self.shifted += 1
            await connection.send(http(kept[-2]))
        else:
            await connection.send(http(kept[-1]))


def person(number: int) -> dict[str, Any]:
    return {**PERSON, "id": number, "uuid": f"0190f000-0000-7000-8000-{number:012d}"}


async def test_pages_that_stay_mixed_up_are_an_error() -> None:
    page = json_page([person(0)], "http://x/?limit=10&offset=10")
    async with FaultServer([], then=whole(page)) as server, client(server) as env:
        with pytest.raises(PaginationError):
            await env.persons.list(page_size=10).collect()

    assert len(server.requests) < 50


async def test_what_json_cannot_hold_is_refused_before_anything_is_sent() -> None:
    async with FaultServer([]) as server, client(server) as env:
        with pytest.raises(PostHogError, match="what JSON can hold"):
            await env.request("POST", "cohorts", json={"at": object()})

    assert server.requests == []


async def test_any_number_and_text_is_sent_as_json() -> None:
    value = {"big": 2**80, "odd": "\ud800"}
    async with FaultServer([whole(b"{}")]) as server, client(server) as env:
        await env.request("POST", "cohorts", json=value)

    assert json.loads(server.requests[0].body) == value


# the retry quota


async def test_a_persistent_outage_fails_fast_and_recovery_restores_the_retries() -> None:
    async with FaultServer([], then=whole(b"", 503)) as server, client(server) as env:
        for _ in range(40):
            with pytest.raises(ServerError):
                await env.persons.get(1)
        sick = len(server.requests)
        with pytest.raises(ServerError):
            await env.persons.get(1)
        fast = len(server.requests) - sick
        server.then = whole(ROW)
        for _ in range(20):
            await env.persons.get(1)
        server.plays = [close]
        await env.persons.get(1)

    assert sick < 40 * 5
    assert fast == 1


async def test_siblings_share_the_quota() -> None:
    async with FaultServer([], then=whole(b"", 503)) as server, client(server) as env:
        for number in range(40):
            with pytest.raises(ServerError):
                await env.for_project(number).persons.get(1)

    assert len(server.requests) <= 40 + RetryQuota().capacity / RetryQuota().cost


async def test_refusals_for_the_rate_limit_cost_no_quota() -> None:
    busy = whole(b"", 429, headers=[("Retry-After", "0")])
    async with FaultServer([busy] * 240) as server, client(server) as env:
        for _ in range(60):
            server.plays = [busy, busy, play(http(ROW))]
            await env.persons.get(1)

    assert len(server.requests) == 180
