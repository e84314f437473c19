"""Persons looked up: many a request, in order, one result for each value (docs/server.md)."""

import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from posthog_env_async import (
    ConfigurationError,
    MissingScopeError,
    NotFoundError,
    PartialDistinctIdsWarning,
    Person,
    PostHogEnv,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client


async def found(env: PostHogEnv, values: Any, **how: Any) -> list[tuple[Any, UUID | None]]:
    pairs = env.persons.lookup(values, **how)
    return [(value, None if person is None else person.uuid) async for value, person in pairs]


def batch_sizes(fake: FakePostHog) -> list[int]:
    bodies = [asked.json() for asked in fake.requests if "batch_by" in asked.path]
    return [len(ids) for body in bodies for ids in body.values()]


async def test_five_thousand_values_come_back_in_order_at_200_a_request(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    chance = random.Random(7)
    known = [f"user-{number}" for number in range(1, 2_501)]
    values = chance.choices([*known, *(f"nobody-{number}" for number in range(500))], k=5_000)
    owners = {person.distinct_ids[0]: person.uuid async for person in env.persons.list()}
    fake.requests.clear()

    pairs = await found(env, values)

    assert pairs == [(value, owners.get(value)) for value in values]
    distinct = len(set(values))
    assert sorted(batch_sizes(fake)) == [distinct % 200, *[200] * (distinct // 200)]
    assert len(fake.requests) == len(batch_sizes(fake))


async def test_look_ups_are_bounded() -> None:
    async with FakePostHog(50, mode="routes", latency=0.05) as fake, client(fake) as env:
        await found(env, [f"user-{number}" for number in range(1, 2_001)], concurrency=3)

    assert fake.peak_in_flight == 3


async def test_values_may_come_from_an_async_iterator(env: PostHogEnv, fake: FakePostHog) -> None:
    async def values() -> AsyncIterator[UUID]:
        for uuid in fake.uuids()[:3]:
            yield uuid

    expected = [(uuid, uuid) for uuid in fake.uuids()[:3]]
    assert await found(env, values(), by="uuid") == expected


async def test_uuids_are_taken_in_any_spelling(env: PostHogEnv, fake: FakePostHog) -> None:
    uuid, nobody = fake.uuids()[5], uuid4()

    persons = await env.persons.get_many(uuids=[uuid.hex.upper(), str(nobody)])

    assert {text: person.uuid for text, person in persons.items()} == {uuid.hex.upper(): uuid}
    assert fake.requests[-1].json() == {"uuids": [str(uuid), str(nobody)]}


async def test_every_spelling_of_a_uuid_gets_its_person(env: PostHogEnv, fake: FakePostHog) -> None:
    uuid = fake.uuids()[5]
    spellings = [str(uuid), uuid.hex, str(uuid).upper()]

    assert list(await env.persons.get_many(uuids=spellings)) == spellings
    assert fake.requests[-1].json() == {"uuids": [str(uuid)]}


async def test_get_many_leaves_out_whom_nobody_knows(env: PostHogEnv, fake: FakePostHog) -> None:
    ada = fake.add_person(distinct_ids=["ada", "ada-anon"])

    persons = await env.persons.get_many(distinct_ids=["nobody", "ada-anon", "ada"])

    assert {name: person.uuid for name, person in persons.items()} == {
        "ada-anon": ada,
        "ada": ada,
    }
    assert all(isinstance(person, Person) for person in persons.values())


async def test_an_email_is_looked_up_through_the_list(env: PostHogEnv, fake: FakePostHog) -> None:
    old = fake.add_person(properties={"email": "ada@example.com"})
    new = fake.add_person(properties={"email": "ada@example.com"})
    fake.requests.clear()

    pairs = await found(env, ["ada@example.com", "x@y.z", "ada@example.com"], by="email")

    assert old != new
    assert pairs == [("ada@example.com", new), ("x@y.z", None), ("ada@example.com", new)]
    assert {asked.query["email"] for asked in fake.requests} == {"ada@example.com", "x@y.z"}


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("by", ["distinct_id", "uuid"])
async def test_a_server_without_batches_is_asked_one_by_one(status: Any, by: Any) -> None:
    async with (
        FakePostHog(30, mode="routes", without_batches=status, latency=0.02) as fake,
        client(fake) as env,
    ):
        uuids = fake.uuids()
        values: list[Any] = [*uuids, uuid4()] if by == "uuid" else []
        if by == "distinct_id":
            owners = {each.distinct_ids[0]: each.uuid async for each in env.persons.list()}
            values = [*owners, "nobody"]
        fake.requests.clear()

        pairs = await found(env, values, by=by, concurrency=4)

        assert [uuid for _, uuid in pairs] == [*uuids, None]
        assert len(fake.requests) >= 32
        assert fake.peak_in_flight == 4
        assert len(batch_sizes(fake)) == (2 if status == 404 else 1)  # under each prefix


async def test_a_project_that_is_not_there_is_an_error_not_an_absence(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    with pytest.raises(NotFoundError, match="Project"):
        await env.for_project(99).persons.get_many(uuids=[uuid4()])

    assert len(fake.requests) == 1


async def test_a_project_that_is_gone_when_persons_are_asked_for_one_by_one_is_an_error(
    fake: FakePostHog,
) -> None:
    gone = {"type": "invalid_request", "code": "not_found", "detail": "Project not found."}
    fake.faults.append(Fault(405, path="batch_by_uuids"))
    fake.faults.append(Fault(404, body=gone, method="GET"))

    async with client(fake) as env:
        with pytest.raises(NotFoundError, match="Project"):
            await env.persons.get_many(uuids=fake.uuids()[:1])


async def test_a_person_that_shows_ten_distinct_ids_may_have_more(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.add_person(distinct_ids=[f"id-{number}" for number in range(12)])

    with pytest.warns(PartialDistinctIdsWarning, match="at most 10"):
        persons = await env.persons.get_many(distinct_ids=["id-11"])

    assert len(persons["id-11"].distinct_ids) == 10
    assert await env.persons.get_many(distinct_ids=["id-11"], warn=False) == persons


@pytest.mark.parametrize("by", ["distinct_id", "email", "uuid"])
async def test_an_answer_of_somebody_else_is_refused(
    env: PostHogEnv, fake: FakePostHog, by: Any
) -> None:
    other = await env.request("GET", f"persons/{fake.uuids()[0]}/")
    asked: Any = uuid4() if by == "uuid" else "ada"
    listed = {"results": [other], "next": None}
    body = listed if by == "email" else {"results": {str(asked): other}}
    fake.faults.append(Fault(200, body=body, times=9))

    with pytest.raises(ResponseDecodeError, match="another person"):
        await found(env, [asked], by=by)


async def test_an_answer_to_another_look_up_is_asked_for_again(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await env.persons.get_many(distinct_ids=["user-1"])
    fake.faults.append(Fault(action="previous"))

    persons = await env.persons.get_many(distinct_ids=["user-2"])

    assert list(persons) == ["user-2"]


async def test_a_row_that_only_the_standard_library_reads_is_found(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.add_person(distinct_ids=["odd"], properties={"nickname": "\ud800"})

    persons = await env.persons.get_many(distinct_ids=["odd", "user-3"])

    assert persons["odd"].properties["nickname"] == "\ud800"
    assert len(persons) == 2


async def test_a_look_up_is_a_read_and_is_sent_again(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults += [Fault(503), Fault(action="reset"), Fault(429, headers={"Retry-After": "0"})]

    assert list(await env.persons.get_many(distinct_ids=["user-2"])) == ["user-2"]
    assert len(fake.requests) == 4


async def test_an_error_ends_a_look_up_and_leaves_nothing_behind(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(503, times=99))

    with pytest.raises(ServerError):
        await found(env, [f"user-{number}" for number in range(3_000)])


async def test_a_look_up_that_is_left_early_ends_its_requests(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    pairs = env.persons.lookup(f"user-{number}" for number in range(5_000))
    value, _ = await anext(pairs)
    await pairs.aclose()

    assert value == "user-0"
    assert len(batch_sizes(fake)) <= 25


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"uuids": [uuid4()], "distinct_ids": ["ada"]},
        {"uuids": ["ada"]},
        {"distinct_ids": ["  "]},
        {"distinct_ids": "ada"},
        {"uuids": uuid4()},
    ],
)
async def test_ids_that_cannot_be_are_refused_before_anything_is_sent(
    env: PostHogEnv, fake: FakePostHog, given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        await env.persons.get_many(**given)

    assert fake.requests == []


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ([""], {}),
        (["ada"], {"by": "uuid"}),
        (["ada"], {"by": "name"}),
        (["ada"], {"concurrency": 0}),
        ("ada", {}),
    ],
)
async def test_a_wrong_look_up_is_refused(env: PostHogEnv, values: Any, how: Any) -> None:
    with pytest.raises(ConfigurationError):
        await found(env, values, **how)


async def test_nothing_to_look_up_asks_nothing(env: PostHogEnv, fake: FakePostHog) -> None:
    assert await env.persons.get_many(uuids=[]) == {}
    assert fake.requests == []


async def test_a_look_up_names_the_scope_that_is_missing(fake: FakePostHog) -> None:
    weak = fake.add_key(scopes=["insight:read"])

    async with client(fake, api_key=weak) as env:
        with pytest.raises(MissingScopeError, match="person:read"):
            await env.persons.get_many(distinct_ids=["ada"])
