"""The odd ways of the persons list: caps, false ends, replicas, merges (docs/server.md)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession

from fakes import PERSONS, ask, uuids_by_next
from posthog_env_async.testing import Drift, FakePostHog, Replica


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def listed(http: ClientSession, fake: FakePostHog, **params: int) -> list[UUID]:
    _, page = await ask(http, fake, PERSONS, **{"limit": 1000, **params})
    return [UUID(row["uuid"]) for row in page["results"]]


@pytest.mark.parametrize(
    ("shows", "expected"),
    [
        ("null", {"next": None, "previous": None}),
        ("count", {"next": None, "previous": None, "count": 30}),
        ("has_next", {"has_next": True}),
    ],
)
async def test_a_capped_page_may_hide_that_rows_follow(
    http: ClientSession, shows: Any, expected: dict[str, Any]
) -> None:
    async with FakePostHog(30, page_cap=10, cap_shows=shows) as fake:
        _, page = await ask(http, fake, PERSONS, limit=20)

    assert len(page.pop("results")) == 10
    assert page == expected


async def test_the_last_page_says_that_none_follows(http: ClientSession) -> None:
    async with FakePostHog(30, cap_shows="has_next") as fake:
        _, page = await ask(http, fake, PERSONS, limit=20, offset=20)

    assert page["has_next"] is False


async def test_a_false_end_is_a_short_page_without_a_next(http: ClientSession) -> None:
    async with FakePostHog(30, false_ends=[2]) as fake:
        _, first = await ask(http, fake, PERSONS, limit=10)
        _, second = await ask(http, fake, PERSONS, limit=10, offset=10)
        _, again = await ask(http, fake, PERSONS, limit=10, offset=10)

    assert (len(first["results"]), len(second["results"]), len(again["results"])) == (10, 5, 10)
    assert second["next"] is None
    assert again["next"] is not None


async def test_a_replica_that_is_behind_does_not_know_the_newest(http: ClientSession) -> None:
    drift = Drift(inserts=(2, 2), deletes=(0, 0))
    async with FakePostHog(5, drift=drift, replica=Replica(every=2, behind=1)) as fake:
        pages = [await listed(http, fake) for _ in range(4)]

    assert [len(page) for page in pages] == [7, 7, 11, 11]


async def test_a_replica_shows_nobody_who_is_gone(http: ClientSession) -> None:
    drift = Drift(inserts=(0, 0), deletes=(2, 2))
    async with FakePostHog(9, drift=drift, replica=Replica(every=2, behind=1)) as fake:
        await listed(http, fake)
        page = await listed(http, fake)

        assert set(page) == set(fake.uuids())


async def test_a_merge_moves_the_survivor_deeper_under_its_uuid(http: ClientSession) -> None:
    async with FakePostHog(6) as fake:
        before = fake.uuids()
        number = (await ask(http, fake, f"{PERSONS}{before[1]}/"))[1]["id"]

        fake.merge(before[1], before[4])

        after = await listed(http, fake)
        _, person = await ask(http, fake, f"{PERSONS}{before[1]}/")
        _, by_number = await ask(http, fake, f"{PERSONS}{number}/")
        gone, _ = await ask(http, fake, f"{PERSONS}{before[4]}/")
        _, found = await ask(http, fake, PERSONS, distinct_id=person["distinct_ids"][2])
        throughout = fake.existed_throughout()

    assert after == [before[0], before[2], before[3], before[1], before[5]]
    assert len(person["distinct_ids"]) == 4
    assert by_number == person
    assert gone == 404
    assert [row["uuid"] for row in found["results"]] == [str(before[1])]
    assert throughout == after


async def test_a_merge_with_a_newer_person_moves_nobody(http: ClientSession) -> None:
    async with FakePostHog(6) as fake:
        before = fake.uuids()
        fake.merge(before[4], before[1])

        assert await listed(http, fake) == [*before[:1], *before[2:]]


async def test_a_drift_may_merge(http: ClientSession) -> None:
    drift = Drift(inserts=(0, 0), deletes=(0, 0), merges=(2, 2))
    async with FakePostHog(20, drift=drift) as fake:
        before = fake.uuids()
        after = await listed(http, fake)

        assert len(after) == 18
        assert set(after) == set(fake.existed_throughout()) < set(before)
        assert after != [uuid for uuid in before if uuid in after]


async def test_a_drift_merges_nobody_where_there_is_one_person(http: ClientSession) -> None:
    drift = Drift(inserts=(0, 0), deletes=(0, 0), merges=(2, 2))
    async with FakePostHog(1, drift=drift) as fake:
        assert await listed(http, fake) == fake.uuids()
        assert len(fake.uuids()) == 1


async def test_a_newcomer_that_a_merge_moves_was_not_there_throughout() -> None:
    async with FakePostHog(6) as fake:
        [newcomer] = fake.insert()
        fake.merge(newcomer, fake.uuids()[3])

        assert newcomer in fake.uuids()
        assert newcomer not in fake.existed_throughout()


async def test_merging_with_oneself_or_with_nobody_is_refused() -> None:
    async with FakePostHog(3) as fake:
        one = fake.uuids()[0]
        with pytest.raises(KeyError):
            fake.merge(one, UUID(int=1))
        with pytest.raises(KeyError):
            fake.recreate(one)


async def test_a_deleted_person_may_come_back_at_the_front(http: ClientSession) -> None:
    async with FakePostHog(6) as fake:
        before = fake.uuids()
        fake.delete([before[3]])
        fake.mark()
        fake.recreate(before[3])

        after = await uuids_by_next(http, fake, 2)

        assert after == [before[3], *before[:3], *before[4:]]
        assert before[3] not in fake.existed_throughout()


async def test_the_time_shown_may_differ_from_the_one_that_sorts(http: ClientSession) -> None:
    async with FakePostHog(50, skew=0.5) as skewed, FakePostHog(50) as plain:
        _, odd = await ask(http, skewed, PERSONS)
        _, even = await ask(http, plain, PERSONS)

    differs = [
        one["created_at"] != other["created_at"]
        for one, other in zip(odd["results"], even["results"], strict=True)
    ]
    assert 10 < sum(differs) < 40
    assert [row["uuid"] for row in odd["results"]] == [row["uuid"] for row in even["results"]]


async def test_a_person_of_ones_own_stands_where_its_time_belongs(http: ClientSession) -> None:
    own = UUID("0197b1c2-0000-7000-8000-000000000001")
    async with FakePostHog(4) as fake:
        old = fake.add_person(uuid=own, created_at=datetime(2020, 1, 1, tzinfo=UTC))
        newest = fake.add_person(uuid="0197b1c2-0000-7000-8000-000000000002")
        between = fake.add_person(created_at="2025-01-01T00:00:00Z", name="Ada")

        order = await listed(http, fake)
        _, person = await ask(http, fake, f"{PERSONS}{own}/")

    assert old == own
    assert (order[0], order[-2:]) == (newest, [between, own])
    assert person["created_at"] == "2020-01-01T00:00:00Z"


async def test_a_field_that_persons_do_not_have_is_refused_unless_given_as_extra(
    http: ClientSession,
) -> None:
    async with FakePostHog(0) as fake:
        with pytest.raises(TypeError, match="propertys"):
            fake.add_person(propertys={})
        fake.add_person(extra={"brand_new": 1})

        _, page = await ask(http, fake, PERSONS)

    assert page["results"][0]["brand_new"] == 1
