"""Listings by offset over a real server: the whole, in order, and its surface.

See docs/server.md, Paging.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

import pytest

from listings import read_into, until_idle, uuids, windows
from posthog_env_async import ConfigurationError, ListingReport, PostHogEnv, ResponseDecodeError
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=1_000, mode="routes") as server:
        yield server


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
        items=len(items),
        pages=17,
        requests=17,
        page_sizes=(60,),
        end_proven=True,
        complete=True,
    )


async def test_a_total_that_is_a_multiple_ends_with_a_short_page(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    pages = [page async for page in env.persons.list(page_size=500).pages()]

    assert [len(page.items) for page in pages] == [500, 492, 8]
    assert [page.next_offset for page in pages] == [500, 992, None]


async def test_each_page_asks_for_a_few_rows_of_the_one_before(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await uuids(env.persons.list(page_size=400))

    assert windows(fake)[:3] == [(0, 400), (392, 400), (784, 400)]


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
        (400, 792),
        (792, 1_000),
        (1_000, None),
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


async def test_a_listing_shows_no_personal_value(env: PostHogEnv) -> None:
    listing = env.persons.list(search="ada@example.com", page_size=7)

    assert "ada" not in repr(listing)
    assert "page_size=7" in repr(listing)


async def test_a_page_size_is_checked_when_a_listing_is_made(env: PostHogEnv) -> None:
    with pytest.raises(ConfigurationError):
        env.listing("persons/", page_size=0)


async def test_a_listing_tells_its_model_and_its_project(env: PostHogEnv) -> None:
    from posthog_env_async import LogEntry, Person

    assert env.persons.list().model is Person
    assert env.persons.list().project_id == "1"
    assert env.logs.query().model is LogEntry
    assert env.logs.query().project_id == "1"
    assert env.listing("persons/").model is None
    assert env.listing("persons/", model=Person).model is Person
    assert env.projects.list().project_id is None


async def test_a_row_that_cannot_be_read_is_left_out_on_request(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = [{"uuid": str(uuid)} for uuid in fake.uuids()[:3]]
    fake.faults.append(
        Fault(200, body={"results": [*rows[:2], {"uuid": 5}, rows[2]], "next": None})
    )

    async with env.persons.list(page_size=100).iterate(on_bad_row="skip") as run:
        seen = [person.uuid async for person in run]

    assert seen == fake.uuids()[:3]
    assert run.report.bad_rows == 1
    assert not run.report.complete


async def test_a_row_that_cannot_be_read_raises_at_its_place(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = [{"uuid": str(uuid)} for uuid in fake.uuids()[:2]]
    fake.faults.append(Fault(200, body={"results": [*rows, {"uuid": 5}], "next": None}))
    seen = list[UUID]()

    with pytest.raises(ResponseDecodeError):
        await read_into(seen, env.persons.list(page_size=100))

    assert seen == fake.uuids()[:2]
