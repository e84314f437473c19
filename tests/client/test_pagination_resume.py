"""A listing goes on from its token, right after the last item (docs/server.md, Paging)."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from listings import read_into, uuids
from posthog_env_async import CheckpointError, PostHogEnv, ServerError
from posthog_env_async.pagination import read_lines
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=1_000, mode="routes") as server:
        yield server


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
async def test_a_chain_of_tokens_yields_everything(tie: int) -> None:
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
    listing = env.persons.list(page_size=page_size)
    async with read_lines(listing) as run:
        before = [await anext(run) for _ in range(5)]

    after = [row async for row in listing.resume(run.token).rows()]

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


async def test_the_prefix_is_not_part_of_the_query(fake: FakePostHog) -> None:
    async with client(fake) as env, client(fake, prefix="projects") as other:
        page = await env.persons.list(page_size=10).page()
        after = await uuids(other.persons.list(page_size=500).resume(page.token))

    assert len(after) == 990


async def test_a_failed_run_can_be_resumed_from_its_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing, seen = env.persons.list(page_size=100, prefetch=4), list[UUID]()
    fake.faults.append(Fault(500, path="offset=588", times=99))

    with pytest.raises(ServerError) as caught:
        await read_into(seen, listing)
    fake.faults.clear()
    token = caught.value.resume_token

    assert token is not None
    assert seen + await uuids(listing.resume(token)) == fake.uuids()
