"""Listings by offset over a real server: order, end, bounds, guards, resuming (SERVER.md 1.2)."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from posthog_env_async import (
    APITimeoutError,
    Backoff,
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    Limit,
    Listing,
    ListingReport,
    PaginationError,
    Person,
    PostHogEnv,
    QueryTooExpensiveError,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import Drift, FakePostHog, Fault


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=1_000, mode="routes") as server:
        yield server


def client(fake: FakePostHog, **settings: Any) -> PostHogEnv:
    given = {"api_key": fake.key, "host": fake.url, "backoff": Backoff(base=0.0), **settings}
    return PostHogEnv(1, **given)


def windows(fake: FakePostHog) -> list[tuple[int, int]]:
    return [(int(asked.query["offset"]), int(asked.query["limit"])) for asked in fake.requests]


async def read_into(seen: list[UUID], listing: Listing[Person]) -> None:
    async for person in listing:
        seen.append(person.uuid)  # noqa: PERF401 - what came before an error is kept


async def uuids(listing: Listing[Person]) -> list[UUID]:
    return [person.uuid async for person in listing]


# the whole, in order


@pytest.mark.parametrize("prefetch", [0, 1, 2, 8])
@pytest.mark.parametrize("page_size", [30, 999, 1_000, 1_001])
async def test_every_person_comes_once_in_the_servers_order(
    env: PostHogEnv, fake: FakePostHog, page_size: int, prefetch: int
) -> None:
    assert await uuids(env.persons.list(page_size=page_size, prefetch=prefetch)) == fake.uuids()


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_a_quiet_set_costs_no_more_requests_than_pages(
    env: PostHogEnv, fake: FakePostHog, prefetch: int
) -> None:
    async with env.persons.list(page_size=60, prefetch=prefetch).iterate() as run:
        items = [person async for person in run]

    assert len(fake.requests) == 17
    assert run.report == ListingReport(
        items=len(items), pages=17, requests=17, page_sizes=(60,), complete=True
    )


async def test_a_total_that_is_a_multiple_ends_with_an_empty_page(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    pages = [page async for page in env.persons.list(page_size=500).pages()]

    assert [len(page.items) for page in pages] == [500, 500, 0]
    assert [page.next_offset for page in pages] == [500, 1_000, None]


async def test_each_page_asks_for_a_few_rows_of_the_one_before(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await uuids(env.persons.list(page_size=400))

    assert windows(fake) == [(0, 400), (392, 408), (792, 408)]


async def test_a_listing_can_be_read_twice(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.persons.list(page_size=300, prefetch=3)

    assert await uuids(listing) == await uuids(listing) == fake.uuids()


async def test_two_runs_at_once_do_not_disturb_each_other(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing = env.persons.list(page_size=90, prefetch=2)
    async with listing.iterate() as one, listing.iterate() as two:
        mixed = [((await anext(one)).uuid, (await anext(two)).uuid) for _ in range(1_000)]

    assert mixed == [(uuid, uuid) for uuid in fake.uuids()]


async def test_nobody_is_nothing() -> None:
    async with FakePostHog(persons=0, mode="routes") as fake, client(fake) as env:
        listing = env.persons.list(prefetch=4)

        assert await listing.collect() == []
        assert await listing.first() is None
        assert (await listing.page()).items == ()
        assert [page.items async for page in listing.pages()] == [()]


async def test_a_set_that_shares_its_moments_is_read_whole() -> None:
    async with FakePostHog(persons=500, mode="routes", tie=60) as fake, client(fake) as env:
        seen = await uuids(env.persons.list(page_size=50, prefetch=2))

    assert sorted(seen) == sorted(fake.existed_throughout())
    assert len(seen) == 500


# the surface


async def test_pages_say_where_they_are(env: PostHogEnv, fake: FakePostHog) -> None:
    pages = [page async for page in env.persons.list(page_size=400, prefetch=1).pages()]

    assert [(page.offset, page.next_offset) for page in pages] == [
        (0, 400),
        (400, 800),
        (800, None),
    ]
    assert [person.uuid for page in pages for person in page.items] == fake.uuids()
    assert json.loads(pages[0].raw)["previous"] is None


async def test_the_first_page_alone_costs_one_request(env: PostHogEnv, fake: FakePostHog) -> None:
    page = await env.persons.list(page_size=10, prefetch=8).page()

    assert [person.uuid for person in page.items] == fake.uuids()[:10]
    assert page.next_offset == 10


async def test_the_first_item_alone_costs_one_small_request(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    first = await env.persons.list(prefetch=8).first()

    assert first is not None
    assert first.uuid == fake.uuids()[0]
    assert windows(fake) == [(0, 1)]


async def test_the_first_item_may_hide_behind_empty_pages() -> None:
    async with (
        FakePostHog(persons=200, mode="routes", orphans=range(150)) as fake,
        client(fake) as env,
    ):
        first = await env.persons.list().first()

    assert first is not None
    assert first.uuid == fake.existed_throughout()[0]


async def test_rows_are_the_servers_own_bytes(env: PostHogEnv, fake: FakePostHog) -> None:
    rows = [row async for row in env.persons.list(page_size=300, prefetch=2).rows()]

    assert [UUID(json.loads(row)["uuid"]) for row in rows] == fake.uuids()
    assert isinstance(rows[0], bytes)


async def test_rows_can_be_left_early(env: PostHogEnv, fake: FakePostHog) -> None:
    async with aclosing(env.persons.list(page_size=10, prefetch=4).rows()) as rows:
        await anext(rows)

    await until_idle(fake)


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("max_items", [0, 1, 99, 100, 101, 250, 5_000])
async def test_items_can_be_capped(
    env: PostHogEnv, fake: FakePostHog, max_items: int, prefetch: int
) -> None:
    listing = env.persons.list(page_size=100, max_items=max_items, prefetch=prefetch)
    async with listing.iterate() as run:
        seen = [person.uuid async for person in run]

    assert seen == fake.uuids()[:max_items]
    assert run.report.complete
    asked = sum(limit for _, limit in windows(fake))
    assert asked <= max_items + 8 * len(fake.requests) + 100


async def test_a_small_cap_asks_for_no_more_than_it_needs(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await env.persons.list(max_items=5, prefetch=8).collect()

    assert windows(fake) == [(0, 5)]


@pytest.mark.parametrize("offset", [0, 1, 7, 8, 500, 999, 1_000, 4_000])
async def test_a_listing_can_begin_anywhere(
    env: PostHogEnv, fake: FakePostHog, offset: int
) -> None:
    seen = await uuids(env.persons.list(page_size=150, offset=offset, prefetch=2))

    assert seen == fake.uuids()[offset:]


async def test_a_row_that_does_not_fit_fails_at_its_own_place(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = [{"uuid": str(UUID(int=number))} for number in range(1, 4)]
    rows[1] = {"uuid": "x", "distinct_ids": "wrong"}
    fake.faults.append(Fault(200, body={"results": rows, "next": None}))
    run = env.persons.list(prefetch=2).iterate()

    assert (await anext(run)).uuid == UUID(int=1)
    with pytest.raises(ResponseDecodeError, match="distinct_ids"):
        await anext(run)
    assert not run.report.complete


async def test_one_bad_byte_costs_no_page(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.add_person(properties={"nickname": "\ud800"})

    assert await uuids(env.persons.list(page_size=100)) == fake.uuids()


# short, empty and odd pages


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("orphans", [range(50), range(95, 305), range(10, 990), range(1_000), 0.5])
async def test_rows_that_the_server_drops_do_not_end_a_listing(prefetch: int, orphans: Any) -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", orphans=orphans) as fake,
        client(fake) as env,
        env.persons.list(page_size=100, prefetch=prefetch).iterate() as run,
    ):
        seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert run.report.complete


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


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("cap", [1, 7, 50, 99])
async def test_a_server_that_caps_pages_in_silence_loses_nothing(cap: int, prefetch: int) -> None:
    async with (
        FakePostHog(persons=min(600, 80 * cap), mode="routes", page_cap=cap) as fake,
        client(fake) as env,
    ):
        seen = await uuids(env.persons.list(page_size=100, prefetch=prefetch))

    assert seen == fake.existed_throughout()


async def test_a_cap_is_adopted_after_the_first_page() -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", page_cap=50) as fake,
        client(fake) as env,
    ):
        await uuids(env.persons.list(page_size=100))

    assert {limit for _, limit in windows(fake)[1:]} == {50}
    assert len(fake.requests) <= 22


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


# errors at their own place


@pytest.mark.parametrize("prefetch", [0, 1, 4])
async def test_an_error_surfaces_after_all_earlier_items(
    env: PostHogEnv, fake: FakePostHog, prefetch: int
) -> None:
    fake.faults.append(Fault(400, path="offset=392"))
    seen = list[UUID]()

    with pytest.raises(BadRequestError) as caught:
        await read_into(seen, env.persons.list(page_size=100, prefetch=prefetch))

    assert seen == fake.uuids()[:400]
    token = caught.value.resume_token
    assert token is not None
    rest = await uuids(env.persons.list(page_size=100).resume(token))
    assert seen + rest == fake.uuids()


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_a_run_goes_on_after_an_error(
    env: PostHogEnv, fake: FakePostHog, prefetch: int
) -> None:
    fake.faults.append(Fault(400, path="offset=292"))
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


# ahead, within bounds


@pytest.mark.parametrize("prefetch", [1, 2, 4, 8])
async def test_prefetch_bounds_the_pages_in_flight(prefetch: int) -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", latency=0.005) as fake,
        client(fake) as env,
    ):
        await uuids(env.persons.list(page_size=20, prefetch=prefetch))

    assert min(2, prefetch) <= fake.peak_in_flight <= prefetch


async def test_a_slow_consumer_stops_the_readers(env: PostHogEnv, fake: FakePostHog) -> None:
    async with env.persons.list(page_size=10, prefetch=4).iterate() as run:
        await anext(run)
        await until_idle(fake)

        assert len(fake.requests) <= 6


async def test_bytes_held_bound_the_pages_ahead() -> None:
    async with (
        FakePostHog(persons=400, mode="routes", person_bytes=10_000) as fake,
        client(fake) as env,
    ):
        listing = env.persons.list(page_size=20, prefetch=8)
        async with listing.iterate(held_bytes=600_000) as run:
            seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert fake.peak_in_flight <= 4


async def test_nothing_is_asked_far_beyond_the_end(env: PostHogEnv, fake: FakePostHog) -> None:
    await uuids(env.persons.list(page_size=100, prefetch=8))

    assert max(offset for offset, _ in windows(fake)) <= 1_000
    assert len(fake.requests) <= 11


async def test_with_limits_the_first_page_goes_alone() -> None:
    async with (
        FakePostHog(persons=5, mode="routes", latency=0.01) as fake,
        client(fake, limits=[Limit(1_000, 60.0)]) as env,
    ):
        await uuids(env.persons.list(page_size=100, prefetch=8))

    assert len(fake.requests) == 1


async def test_a_429_keeps_the_readers_from_piling_up() -> None:
    async with (
        FakePostHog(persons=1_000, mode="routes", throttles={"persons": ((6, 0.3),)}) as fake,
        client(fake) as env,
    ):
        seen = await uuids(env.persons.list(page_size=100, prefetch=8))

    assert seen == fake.existed_throughout()
    assert len([request for request in fake.requests if request.status == 429]) <= 8


# a set that changes


def script(**changes: Any) -> Drift:
    """Do one thing before request number `at`."""

    def change(fake: FakePostHog, request: int) -> None:
        if request == changes["at"]:
            if "delete" in changes:
                fake.delete(changes["delete"])
            if "insert" in changes:
                fake.insert(changes["insert"])

    return Drift(script=change)


async def drifting(total: int, drift: Drift, page_size: int, prefetch: int = 0) -> tuple[Any, ...]:
    async with FakePostHog(persons=total, mode="routes", drift=drift) as fake, client(fake) as env:
        async with env.persons.list(page_size=page_size, prefetch=prefetch).iterate() as run:
            seen = [person.uuid async for person in run]
        return seen, fake.existed_throughout(), run.report


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("count", [1, 8, 9, 40, 500])
async def test_rows_that_vanish_in_front_cost_no_other(count: int, prefetch: int) -> None:
    drift = script(at=3, delete=range(count))

    seen, stayed, report = await drifting(600, drift, 50, prefetch)

    assert set(stayed) <= set(seen)
    assert len(seen) == len(set(seen))
    assert report.complete


@pytest.mark.parametrize("prefetch", [0, 4])
@pytest.mark.parametrize("count", [1, 8, 9, 40, 500])
async def test_rows_that_come_in_front_are_not_yielded_twice(count: int, prefetch: int) -> None:
    seen, stayed, report = await drifting(600, script(at=3, insert=count), 50, prefetch)

    assert [uuid for uuid in seen if uuid in set(stayed)] == stayed
    assert len(seen) == len(set(seen))
    assert report.complete


async def test_everything_that_was_read_may_vanish() -> None:
    seen, stayed, report = await drifting(5, script(at=2, delete=range(3)), 3)

    assert set(stayed) <= set(seen)
    assert len(seen) == 5
    assert report.complete


async def test_everything_may_vanish() -> None:
    seen, stayed, report = await drifting(500, script(at=2, delete=range(500)), 100)

    assert (len(seen), stayed) == (100, [])
    assert report.complete


async def test_a_report_says_what_was_repaired() -> None:
    _, _, report = await drifting(1_000, script(at=3, delete=range(50)), 100)

    assert report.seams_repaired == 1
    assert report.rows_read_again > 0
    assert report.requests > report.pages


async def test_a_report_says_how_many_came_twice() -> None:
    _, _, report = await drifting(1_000, script(at=3, insert=5), 100)

    assert report.duplicates_dropped == 5


LOSING = script(at=17, delete=range(38_500))


@pytest.mark.parametrize("prefetch", [0, 4])
async def test_more_lost_than_is_remembered_is_an_error_and_no_guess(prefetch: int) -> None:
    async with (
        FakePostHog(persons=40_000, mode="routes", drift=LOSING) as fake,
        client(fake) as env,
    ):
        with pytest.raises(PaginationError, match="on_gap='report'") as caught:
            await uuids(env.persons.list(page_size=2_000, prefetch=prefetch))

    assert caught.value.resume_token


async def test_a_caller_may_choose_to_go_on_and_be_told() -> None:
    async with (
        FakePostHog(persons=40_000, mode="routes", drift=LOSING) as fake,
        client(fake) as env,
        env.persons.list(page_size=2_000).iterate(on_gap="report") as run,
    ):
        seen = [person.uuid async for person in run]

    assert len(seen) == len(set(seen))
    assert not run.report.complete


# a page size that fits


async def test_an_automatic_page_size_grows() -> None:
    async with (
        FakePostHog(persons=9_000, mode="routes") as fake,
        client(fake) as env,
        env.persons.list(page_size="auto", prefetch=2).iterate() as run,
    ):
        seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert run.report.page_sizes[0] == 1_000
    assert max(run.report.page_sizes) >= 2_000
    assert len(fake.requests) < 9


@pytest.mark.parametrize("fault", [Fault(502), Fault(504), Fault(524), Fault(512), Fault(513)])
@pytest.mark.parametrize("prefetch", [0, 2])
async def test_a_page_that_is_too_much_is_asked_for_in_part(fault: Fault, prefetch: int) -> None:
    async with FakePostHog(persons=3_000, mode="routes") as fake, client(fake) as env:
        fake.faults.append(fault)
        async with env.persons.list(page_size="auto", prefetch=prefetch).iterate() as run:
            seen = [person.uuid async for person in run]

    assert seen == fake.existed_throughout()
    assert windows(fake)[:1] == [(0, 1_000)]
    assert 500 in run.report.page_sizes
    assert max(run.report.page_sizes) == 1_000


async def test_a_page_that_is_too_slow_is_asked_for_in_part() -> None:
    async with FakePostHog(persons=1_500, mode="routes") as fake:
        fake.faults.append(Fault(action="stall"))
        async with client(fake, timeout=0.5) as env:
            seen = await uuids(env.persons.list(page_size="auto"))

    assert seen == fake.existed_throughout()
    assert [limit for _, limit in windows(fake)][:2] == [1_000, 500]


async def test_the_smallest_page_that_is_too_much_is_an_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(512, times=99))

    with pytest.raises(QueryTooExpensiveError):
        await uuids(env.persons.list(page_size="auto"))

    assert min(limit for _, limit in windows(fake)) <= 50
    assert len(fake.requests) <= 8


async def test_a_fixed_page_size_stays(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(504))

    assert await uuids(env.persons.list(page_size=500)) == fake.uuids()
    assert windows(fake)[:2] == [(0, 500), (0, 500)]


async def test_a_fixed_page_that_is_too_slow_is_a_timeout(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall", times=9))
    async with client(fake, timeout=0.05, backoff=Backoff(base=0, max_attempts=2)) as env:
        with pytest.raises(APITimeoutError, match="smaller pages"):
            await uuids(env.persons.list(page_size=500))


async def test_an_automatic_page_size_may_be_capped(env: PostHogEnv, fake: FakePostHog) -> None:
    assert await uuids(env.persons.list(page_size="auto", max_items=10)) == fake.uuids()[:10]


# resuming


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("taken", [0, 1, 2, 99, 100, 101, 555, 999, 1_000])
async def test_a_token_goes_on_right_after_the_last_item(
    env: PostHogEnv, fake: FakePostHog, taken: int, prefetch: int
) -> None:
    listing = env.persons.list(page_size=100, prefetch=prefetch)
    async with listing.iterate() as run:
        before = [(await anext(run)).uuid for _ in range(taken)]

    after = await uuids(listing.resume(run.token))

    assert before + after == fake.uuids()


@pytest.mark.parametrize("tie", [1, 30, 400])
async def test_a_chain_of_tokens_is_the_whole(tie: int) -> None:
    async with FakePostHog(persons=1_000, mode="routes", tie=tie) as fake, client(fake) as env:
        listing = env.persons.list(page_size=90)
        token, seen = listing.iterate().token, list[UUID]()
        for taken in (0, 1, 50, 90, 91, 5, 0, 300):
            async with listing.resume(token).iterate() as run:
                seen += [(await anext(run)).uuid for _ in range(taken)]
            token = run.token
        seen += await uuids(listing.resume(token))

    assert len(seen) == len(set(seen))
    assert sorted(seen) == sorted(fake.existed_throughout())


async def test_a_token_of_the_end_yields_nothing_more(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.persons.list(page_size=300)
    async with listing.iterate() as run:
        async for _ in run:
            pass

    assert await listing.resume(run.token).collect() == []


async def test_a_resumed_listing_takes_another_page_size_and_prefetch(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    page = await env.persons.list(page_size=130).page()

    after = await uuids(env.persons.list(page_size=33, prefetch=4).resume(page.token))

    assert [person.uuid for person in page.items] + after == fake.uuids()


async def test_a_cap_counts_from_the_start_also_when_resumed(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing = env.persons.list(page_size=40, max_items=100)
    async with listing.iterate() as run:
        before = [(await anext(run)).uuid for _ in range(70)]

    after = await uuids(listing.resume(run.token))

    assert before + after == fake.uuids()[:100]


async def test_a_listing_from_the_middle_is_resumed_in_the_middle(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing = env.persons.list(page_size=40, offset=500)
    async with listing.iterate() as run:
        before = [(await anext(run)).uuid for _ in range(70)]

    assert before + await uuids(listing.resume(run.token)) == fake.uuids()[500:]


async def test_a_token_holds_no_personal_value(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.persons.list(page_size=10, search="ada")
    async with listing.iterate() as run:
        first = await anext(run)

    assert run.token.isascii()
    assert run.token.replace("-", "").replace("_", "").isalnum()
    assert str(first.uuid) not in run.token
    assert len(run.token) < 2_000


@pytest.mark.parametrize("page_size", [7, 100, 1_000])
async def test_rows_are_resumed_like_items(
    env: PostHogEnv, fake: FakePostHog, page_size: int
) -> None:
    raw = env.persons.list(page_size=page_size).raw()
    async with raw.iterate() as run:
        before = [await anext(run) for _ in range(5)]

    after = await raw.resume(run.token).collect()

    assert [UUID(json.loads(row)["uuid"]) for row in before + after] == fake.uuids()


async def test_a_token_of_another_query_is_refused(env: PostHogEnv) -> None:
    token = env.persons.list(search="a").iterate().token

    with pytest.raises(CheckpointError, match="another query"):
        env.persons.list(search="b").resume(token)


async def test_a_token_of_another_project_is_refused(env: PostHogEnv) -> None:
    token = env.persons.list().iterate().token

    with pytest.raises(CheckpointError, match="another project"):
        env.for_project(2).persons.list().resume(token)


async def test_a_token_of_another_host_is_refused(env: PostHogEnv) -> None:
    token = env.persons.list().iterate().token

    with pytest.raises(CheckpointError, match="another host"):
        PostHogEnv(1, api_key="phx_a", host="eu").persons.list().resume(token)


@pytest.mark.parametrize("damage", ["", "x", "ä", "AAAA", "cut", "changed"])
async def test_a_damaged_token_is_refused(env: PostHogEnv, damage: str) -> None:
    token = env.persons.list().iterate().token
    texts = {"cut": token[:-3], "changed": token[:20] + "A" + token[21:]}

    with pytest.raises(CheckpointError, match="damaged"):
        env.persons.list().resume(texts.get(damage, damage))


async def test_the_prefix_is_no_part_of_what_is_listed(fake: FakePostHog) -> None:
    async with client(fake) as env, client(fake, prefix="projects") as other:
        page = await env.persons.list(page_size=10).page()
        after = await uuids(other.persons.list(page_size=500).resume(page.token))

    assert len(after) == 990


async def test_a_failed_run_can_be_resumed_from_its_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing, seen = env.persons.list(page_size=100, prefetch=4), list[UUID]()
    fake.faults.append(Fault(500, path="offset=592", times=99))

    with pytest.raises(ServerError) as caught:
        await read_into(seen, listing)
    fake.faults.clear()
    token = caught.value.resume_token

    assert token is not None
    assert seen + await uuids(listing.resume(token)) == fake.uuids()


async def test_a_listing_shows_no_personal_value(env: PostHogEnv) -> None:
    listing = env.persons.list(search="ada@example.com", page_size=7)

    assert "ada" not in repr(listing)
    assert "page_size=7" in repr(listing)


async def test_a_page_size_is_checked_when_a_listing_is_made(env: PostHogEnv) -> None:
    with pytest.raises(ConfigurationError):
        env.listing("persons/", page_size=0)


def first_rows(fake: FakePostHog, count: int) -> Sequence[dict[str, str]]:
    return [{"uuid": str(uuid)} for uuid in fake.uuids()[:count]]


async def until_idle(fake: FakePostHog) -> None:
    with anyio.fail_after(5):
        quiet = 0
        while quiet < 5:
            await anyio.sleep(0.002)
            quiet = quiet + 1 if fake.in_flight == 0 else 0
