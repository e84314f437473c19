"""Cursors of a server that cuts pages as it likes, goes round, or has nothing more to say."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from posthog_env_async import PaginationError, PostHogEnv
from posthog_env_async.pagination.cursor_reader import MOST_IDLE

ENTRIES = 250
RANGE: dict[str, Any] = {"date_from": "2026-01-01T00:00:00Z", "date_to": "2026-01-02T00:00:00Z"}

Answer = Callable[[int, str | None, int], dict[str, Any]]
"""What is answered to a request: its number, its cursor and its limit are given."""


def entries(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {
            "uuid": str(UUID(int=number + 1)),
            "timestamp": "2026-01-01T00:00:00.000000Z",
            "body": "a line",
            "attributes": {},
        }
        for number in range(max(0, first), min(last, ENTRIES))
    ]


def page(first: int, after: int, *, overlap: int = 0) -> dict[str, Any]:
    more = after < ENTRIES
    return {
        "results": entries(first - overlap, after),
        "hasMore": more,
        "nextCursor": str(after) if more else None,
    }


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[tuple[PostHogEnv, list[str | None]]]:
    """Serve answers, and give a client and the cursors that it sent."""
    cursors: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        query = (await request.json())["query"]
        cursors.append(query.get("after"))
        return web.json_response(answer(len(cursors), query.get("after"), query["limit"]))

    app = web.Application()
    app.router.add_post("/api/{tail:.*}", handle)
    async with (
        TestServer(app) as server,
        PostHogEnv(1, api_key="phx_test", host=str(server.make_url("")), limits=None) as env,
    ):
        yield env, cursors


@pytest.mark.parametrize("seed", range(12))
async def test_entries_come_once_however_pages_are_cut_and_runs_go_on(seed: int) -> None:
    chance = Random(seed)
    overlap = seed % 3

    def answer(_: int, cursor: str | None, limit: int) -> dict[str, Any]:
        first = int(cursor or 0)
        return page(first, first + chance.randint(1, limit), overlap=overlap)

    numbers: list[int] = []
    async with served(answer) as (env, _):
        listing, complete = env.logs.query(**RANGE, page_size=20), False
        while not complete:
            async with listing.iterate() as run:
                for _ in range(chance.randint(1, 40)):
                    entry = await anext(run, None)
                    if entry is None:
                        break
                    numbers.append(entry.uuid.int)
                complete = run.report.complete
                listing = listing.resume(run.token)
    assert numbers == list(range(1, ENTRIES + 1))


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_cursors_that_go_round_are_noticed(length: int) -> None:
    def answer(number: int, _: str | None, limit: int) -> dict[str, Any]:
        begin = number % length * 40
        rows = entries(begin, begin + limit)
        return {"results": rows, "hasMore": True, "nextCursor": f"c{number % length}"}

    async with served(answer) as (env, cursors):
        with pytest.raises(PaginationError, match="the same page again"):
            await env.logs.query(**RANGE, page_size=20).collect()
    assert len(cursors) <= length + 1


@pytest.mark.parametrize("length", [0, 40])
async def test_pages_that_bring_nothing_new_for_ever_are_an_error(length: int) -> None:
    def answer(number: int, _: str | None, limit: int) -> dict[str, Any]:
        begin = number % 2 * length
        rows = entries(begin, begin + min(limit, length))
        return {"results": rows, "hasMore": True, "nextCursor": f"c{number}"}

    async with served(answer) as (env, cursors):
        with pytest.raises(PaginationError, match="nothing new") as caught:
            await env.logs.query(**RANGE, page_size=20).collect()
    assert caught.value.resume_token
    assert len(cursors) <= MOST_IDLE + 4


async def test_an_entry_that_stands_twice_on_a_page_comes_once() -> None:
    def answer(_: int, cursor: str | None, limit: int) -> dict[str, Any]:
        first = int(cursor or 0)
        found = page(first, first + limit)
        return {**found, "results": [*found["results"], *found["results"][-3:]]}

    async with served(answer) as (env, _):
        listing = env.logs.query(**RANGE, page_size=20)
        numbers = [entry.uuid.int async for entry in listing]
    assert numbers == list(range(1, ENTRIES + 1))
