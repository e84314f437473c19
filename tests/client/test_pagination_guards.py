"""What cannot be right is noticed, and an error surfaces at its own place.

See docs/server.md, Paging.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from listings import read_into, uuids
from posthog_env_async import BadRequestError, PaginationError, PostHogEnv
from posthog_env_async.testing import FakePostHog, Fault


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=1_000, mode="routes") as server:
        yield server


def first_rows(fake: FakePostHog, count: int) -> Sequence[dict[str, str]]:
    return [{"uuid": str(uuid)} for uuid in fake.uuids()[:count]]


# guards


async def test_a_server_that_ignores_the_offset_is_noticed(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    link = f"{fake.url}/api/projects/1/persons/?limit=10&offset=10"
    same = {"results": first_rows(fake, 10), "next": link}
    fake.faults.append(Fault(200, body=same, times=50))

    with pytest.raises(PaginationError, match="ignores the offset"):
        await env.persons.list(page_size=10).collect()

    assert len(fake.requests) < 10


async def answer_the_first_rows(request: web.Request) -> web.Response:
    """Ignore the offset, but name the next one as if nothing were wrong."""
    limit, offset = int(request.query["limit"]), int(request.query["offset"])
    rows = [{"uuid": str(UUID(int=number))} for number in range(1, limit + 1)]
    return web.json_response({"results": rows, "next": f"?limit={limit}&offset={offset + limit}"})


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_rows_that_repeat_under_a_next_that_grows_are_noticed(prefetch: int) -> None:
    app = web.Application()
    app.router.add_get("/api/environments/1/persons/", answer_the_first_rows)
    async with (
        TestServer(app) as server,
        PostHogEnv(1, api_key="phx_a", host=str(server.make_url(""))) as env,
    ):
        with anyio.fail_after(60), pytest.raises(PaginationError, match="ignores the offset"):
            await env.persons.list(page_size=10, prefetch=prefetch).collect()


@pytest.mark.parametrize("offset", [0, 5, 1_000_000, -10])
async def test_a_next_that_leads_astray_is_noticed(
    env: PostHogEnv, fake: FakePostHog, offset: int
) -> None:
    link = f"{fake.url}/api/projects/1/persons/?limit=10&offset={offset}"
    astray = {"results": first_rows(fake, 10), "next": link}
    fake.faults.append(Fault(200, body=astray, after=1, times=50))

    with pytest.raises(PaginationError):
        await env.persons.list(page_size=10).collect()

    assert len(fake.requests) < 20


@pytest.mark.parametrize("next_", ["?limit=10", "?offset=x", "?cursor=a", "http://[bad"])
async def test_a_next_without_an_offset_is_an_error(
    env: PostHogEnv, fake: FakePostHog, next_: str
) -> None:
    fake.faults.append(Fault(200, body={"results": [], "next": next_}))

    with pytest.raises(PaginationError, match="names no offset"):
        await env.persons.list(page_size=10).collect()


@pytest.mark.parametrize(
    "link",
    [
        "/api/projects/2/persons/?limit=100&offset=100",
        "/api/projects/1/persons/?limit=100&offset=100&search=other",
    ],
)
async def test_a_page_of_another_request_is_read_again(
    env: PostHogEnv, fake: FakePostHog, link: str
) -> None:
    stranger = {"results": [{"uuid": str(UUID(int=7))}], "next": f"{fake.url}{link}"}
    fake.faults.append(Fault(200, body=stranger))

    seen = await uuids(env.persons.list(page_size=100, search="user"))

    assert UUID(int=7) not in seen
    assert len(seen) == 1_000


@pytest.mark.parametrize("after", [1, 3, 5])
@pytest.mark.parametrize("prefetch", [0, 4])
async def test_an_answer_that_belongs_to_another_request_is_read_again(
    env: PostHogEnv, fake: FakePostHog, after: int, prefetch: int
) -> None:
    fake.faults.append(Fault(action="previous", after=after))

    assert await uuids(env.persons.list(page_size=100, prefetch=prefetch)) == fake.uuids()


# what a `next` may say


async def test_a_missing_next_is_the_end(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(200, body={"results": [{"uuid": str(UUID(int=1))}]}))

    assert await uuids(env.persons.list()) == [UUID(int=1)]


@pytest.mark.parametrize(
    "next_",
    [
        "http://internal:8000/api/projects/1/persons/?limit=100&offset=100",
        "?offset=100&limit=100",
        "/api/environments/1/persons/?offset=100",
        "https://evil.example/api/projects/1/persons/?limit=100&offset=100&personal_api_key=x",
    ],
)
async def test_only_the_offset_of_a_next_counts(
    env: PostHogEnv, fake: FakePostHog, next_: str
) -> None:
    fake.faults.append(Fault(200, body={"results": first_rows(fake, 100), "next": next_}))

    assert await uuids(env.persons.list(page_size=100)) == fake.uuids()
    assert all(request.path == "/api/environments/1/persons/" for request in fake.requests)


# errors at their own place


@pytest.mark.parametrize("prefetch", [0, 1, 4])
async def test_an_error_surfaces_after_all_earlier_items(
    env: PostHogEnv, fake: FakePostHog, prefetch: int
) -> None:
    fake.faults.append(Fault(400, path="offset=392"))
    seen = list[UUID]()

    with pytest.raises(BadRequestError) as caught:
        await read_into(seen, env.persons.list(page_size=100, prefetch=prefetch))

    assert seen == fake.uuids()[:394]
    token = caught.value.resume_token
    assert token is not None
    rest = await uuids(env.persons.list(page_size=100).resume(token))
    assert seen + rest == fake.uuids()


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_a_run_goes_on_after_an_error(
    env: PostHogEnv, fake: FakePostHog, prefetch: int
) -> None:
    fake.faults.append(Fault(400, path="offset=294"))
    seen, errors = list[UUID](), 0
    async with env.persons.list(page_size=100, prefetch=prefetch).iterate() as run:
        while True:
            try:
                seen.append((await anext(run)).uuid)
            except StopAsyncIteration:
                break
            except Exception as error:  # noqa: BLE001 - any, counted below
                errors += "400" in str(error)

    assert (seen, errors) == (fake.uuids(), 1)
    assert run.report.complete


@pytest.mark.parametrize(
    ("rows", "count", "is_complete"),
    [
        ([{"value": 1}, {"value": 2}, {"value": 3}], 3, True),
        ([{"value": 1}, {"value": 2}, {"value": 1}], 3, True),
        (["a", "a"], 2, True),
        ([{"id": 1, "value": 1}, {"id": 2, "value": 1}], 2, True),
        ([{"id": 1, "value": 1}, {"id": 1, "value": 1}], 1, True),
        ([{"id": 1, "value": 1}, {"id": 1, "value": 2}], 1, False),
        ([{"id": 1, "value": 1}, {"id": "1", "value": 1}], 1, False),
        ([{"value": number} for number in range(250)], 250, True),
        ([{"value": number // 2} for number in range(250)], None, False),
        ([{"value": 1}] * 250, None, False),
    ],
)
async def test_rows_that_nothing_tells_apart_are_not_called_complete(
    rows: list[Any], count: int | None, is_complete: bool
) -> None:
    async def answer(request: web.Request) -> web.Response:
        first, limit = int(request.query["offset"]), int(request.query["limit"])
        after = first + limit
        link = f"?limit={limit}&offset={after}" if after < len(rows) else None
        return web.json_response({"results": rows[first:after], "next": link})

    app = web.Application()
    app.router.add_get("/api/environments/1/things/", answer)
    async with (
        TestServer(app) as server,
        PostHogEnv(1, api_key="phx_a", host=str(server.make_url(""))) as env,
    ):
        listing = env.listing("things/", page_size=100)
        async with listing.iterate() as run:
            read = [row async for row in run]
        assert run.report.complete is is_complete
        assert count is None or read == rows[:count]
        if not is_complete:
            assert run.report.contradictions
            with pytest.raises(PaginationError, match="could not be proven"):
                await listing.collect()
