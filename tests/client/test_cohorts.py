"""Cohorts, activity, values and the past of persons (docs/server.md)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from posthog_env_async import (
    ConfigurationError,
    MissingScopeError,
    NotFoundError,
    PaginationError,
    PostHogEnv,
    ResponseDecodeError,
)
from posthog_env_async.testing import Drift, FakePostHog, Fault
from sessions import client


async def test_cohorts_are_listed_and_got(env: PostHogEnv, fake: FakePostHog) -> None:
    number = fake.add_cohort("Moon", properties=[{"key": "plan", "value": "moon"}])

    cohorts = await env.cohorts.list().collect()
    cohort = await env.cohorts.get(number)

    assert cohort in cohorts
    assert (cohort.name, cohort.count, cohort.is_static) == ("Moon", 0, False)
    assert cohort.extra["cohort_type"] == "person_property"


async def test_the_persons_of_a_cohort_are_listed_completely() -> None:
    drift = Drift(inserts=(0, 3), deletes=(0, 3), seed=3)
    async with FakePostHog(2_000, mode="routes", drift=drift) as fake, client(fake) as env:
        members = fake.uuids()[::4]
        number = fake.add_cohort("Some", uuids=members)

        async with env.cohorts.persons(number, page_size=50, prefetch=2).iterate() as run:
            seen = [person.uuid async for person in run]

        assert run.report.complete
        assert len(seen) == len(set(seen))
        assert set(members) & set(fake.existed_throughout()) <= set(seen) <= set(members)


@pytest.mark.parametrize("id", ["x", -1, True, 1.5, ""])
async def test_a_cohort_id_is_a_whole_number(env: PostHogEnv, id: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number"):
        await env.cohorts.get(id)
    with pytest.raises(ConfigurationError, match="whole number"):
        env.cohorts.persons(id)


async def test_an_unknown_cohort_is_not_found(env: PostHogEnv) -> None:
    with pytest.raises(NotFoundError):
        await env.cohorts.get(99)
    with pytest.raises(NotFoundError):
        await env.cohorts.persons(99).first()


@pytest.mark.parametrize(
    ("scopes", "missing"), [(["cohort:read"], "person:read"), (["person:read"], "cohort:read")]
)
async def test_the_persons_of_a_cohort_need_two_scopes(
    fake: FakePostHog, scopes: list[str], missing: str
) -> None:
    async with client(fake, api_key=fake.add_key(scopes=scopes)) as env:
        with pytest.raises(MissingScopeError) as caught:
            await env.cohorts.persons(1).first()

    assert caught.value.scope == missing


async def test_the_cohorts_of_a_person_are_told(env: PostHogEnv, fake: FakePostHog) -> None:
    ada = fake.add_person(properties={"plan": "moon"})
    number = fake.add_cohort("Ada's", uuids=[ada])

    (cohort,) = await env.persons.cohorts(ada)

    assert (cohort.id, cohort.count) == (number, None)


@pytest.mark.parametrize("version", ["old", "new"])
async def test_values_of_a_property_come_with_counts(version: Any) -> None:
    async with FakePostHog(0, mode="routes", version=version) as fake, client(fake) as env:
        for plan in ("moon", "moon", "mars"):
            fake.add_person(properties={"plan": plan})

        values = await env.persons.property_values("plan")
        some = await env.persons.property_values("plan", search="mar")

    assert [(value.name, value.count) for value in values] == [("moon", 2), ("mars", 1)]
    assert [value.name for value in some] == ["mars"]


async def test_the_name_of_a_property_is_not_empty(env: PostHogEnv, fake: FakePostHog) -> None:
    with pytest.raises(ConfigurationError, match="name of a property"):
        await env.persons.property_values("")

    assert fake.requests == []


async def test_values_of_another_shape_are_refused(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(200, body={"results": "none"}))

    with pytest.raises(ResponseDecodeError):
        await env.persons.property_values("plan")


async def test_activity_is_read_page_after_page(env: PostHogEnv, fake: FakePostHog) -> None:
    first, second = fake.uuids()[:2]
    for number in range(130):
        await env.persons.set_property(first if number % 2 else second, "n", number)

    everything = [entry async for entry in env.persons.activity()]
    ours = [entry async for entry in env.persons.activity(first)]
    some = [entry async for entry in env.persons.activity(max_items=3)]

    assert len({entry.id for entry in everything}) == len(everything) == 130
    assert {entry.item_id for entry in ours} == {str(first)}
    assert (len(ours), some) == (65, everything[:3])
    assert everything[0].activity == "updated"


async def test_activity_that_repeats_a_page_ends_in_an_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = [{"id": str(uuid4()), "activity": "updated"} for _ in range(100)]
    fake.faults.append(Fault(200, body={"results": rows, "next": "x"}, times=9))

    with pytest.raises(PaginationError):
        [entry async for entry in env.persons.activity()]

    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    "moment", [datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), "2026-01-01"]
)
async def test_a_person_is_shown_as_it_was(env: PostHogEnv, fake: FakePostHog, moment: Any) -> None:
    ada = fake.add_person(distinct_ids=["ada"], properties={"plan": "free"})
    await env.persons.set_property(ada, "plan", "scale")

    before = await env.persons.at(moment, distinct_id="ada")
    now = await env.persons.at(datetime(2999, 1, 1, tzinfo=UTC), id=ada)

    assert (before.uuid, before.properties["plan"]) == (ada, "free")
    assert now.properties["plan"] == "scale"
    assert now.extra["point_in_time_metadata"]["query_mode"] == "person_id"
    assert fake.requests[-2].query["timestamp"] == "2026-01-01T00:00:00Z"


async def test_nobody_has_no_past(env: PostHogEnv) -> None:
    with pytest.raises(NotFoundError, match="Person not found"):
        await env.persons.at("2026-01-01", distinct_id="nobody")


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("yesterday", {"id": 1}),
        (7, {"id": 1}),
        ("2026-01-01", {}),
        ("2026-01-01", {"id": 1, "distinct_id": "ada"}),
        ("2026-01-01", {"distinct_id": " "}),
    ],
)
async def test_a_wrong_question_about_the_past_is_refused(
    env: PostHogEnv, fake: FakePostHog, moment: Any, who: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        await env.persons.at(moment, **who)

    assert fake.requests == []
