"""Persons changed and deleted: accepted first, done later (docs/server.md)."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from posthog_env_async import (
    APIConnectionError,
    ConfigurationError,
    DeletionSummary,
    NotFoundError,
    PostHogEnv,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client


@pytest.fixture
def ada(fake: FakePostHog) -> UUID:
    return fake.add_person(
        distinct_ids=["ada", "ada-1", "ada-2"], properties={"plan": "scale", "visits": 7}
    )


# changes


async def test_properties_are_set(env: PostHogEnv, fake: FakePostHog, ada: UUID) -> None:
    assert await env.persons.update(ada, {"plan": "moon", "seats": None}) is None

    person = await env.persons.get(ada)
    assert dict(person.properties) == {"plan": "moon", "visits": 7, "seats": None}
    assert fake.requests[0].json() == {"properties": {"plan": "moon", "seats": None}}


async def test_waiting_says_whether_a_change_shows(env: PostHogEnv, ada: UUID) -> None:
    number = (await env.persons.get(ada)).id

    assert await env.persons.update(ada, {"plan": [1, {"deep": None}]}, wait=5) is True
    assert await env.persons.set_property(str(ada), "plan", "mars", wait=5) is True
    assert await env.persons.unset_property(number, "plan", wait=5) is True
    assert await env.persons.split(ada, distinct_ids=["ada-2"], wait=5) is True
    assert await env.persons.split(ada, main_distinct_id="ada", wait=5) is True
    assert (await env.persons.get(ada)).distinct_ids == ("ada",)


async def test_a_change_that_was_accepted_and_not_made_is_told() -> None:
    async with (
        FakePostHog(3, mode="routes", change_delay=None) as fake,
        client(fake) as env,
    ):
        uuid = fake.uuids()[0]
        ids = (await env.persons.get(uuid)).distinct_ids

        assert await env.persons.update(uuid, {"a": 1}, wait=0.05) is False
        assert await env.persons.set_property(uuid, "a", None, wait=0) is False
        assert await env.persons.unset_property(uuid, "email", wait=0) is False
        assert await env.persons.split(uuid, main_distinct_id=ids[0], wait=0) is False


async def test_a_change_that_takes_a_while_is_waited_for() -> None:
    async with FakePostHog(3, mode="routes", change_delay=0.2) as fake, client(fake) as env:
        assert await env.persons.update(fake.uuids()[0], {"a": 1}, wait=20) is True


async def test_splitting_off_the_creating_id_never_shows(env: PostHogEnv, ada: UUID) -> None:
    assert await env.persons.split(ada, distinct_ids=["ada"], wait=0.02) is False


@pytest.mark.parametrize("fault", [Fault(502), Fault(action="lost"), Fault(500)])
async def test_a_change_that_may_have_arrived_is_not_sent_again(
    env: PostHogEnv, fake: FakePostHog, ada: UUID, fault: Fault
) -> None:
    fake.faults.append(fault)

    with pytest.raises((ServerError, APIConnectionError)):
        await env.persons.set_property(ada, "plan", "mars")

    assert len(fake.requests) == 1


async def test_a_change_that_was_refused_for_the_limit_is_sent_again(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "0"}))

    await env.persons.unset_property(ada, "plan")

    assert [asked.status for asked in fake.requests] == [429, 201]


async def test_a_change_of_nobody_is_not_found(env: PostHogEnv) -> None:
    with pytest.raises(NotFoundError):
        await env.persons.update(uuid4(), {"a": 1})


@pytest.mark.parametrize(
    "call",
    [
        lambda persons: persons.update(1, {}),
        lambda persons: persons.update(1, ["a"]),
        lambda persons: persons.update("ada", {"a": 1}),
        lambda persons: persons.update(1, {"a": object()}),
        lambda persons: persons.set_property(1, "", 1),
        lambda persons: persons.unset_property(1, " "),
        lambda persons: persons.split(1),
        lambda persons: persons.split(1, main_distinct_id="a", distinct_ids=["b"]),
        lambda persons: persons.split(1, distinct_ids=[]),
        lambda persons: persons.split(1, distinct_ids="ab"),
        lambda persons: persons.update(1, {"a": 1}, wait=-1),
        lambda persons: persons.delete(1, keep_person=True),
        lambda persons: persons.delete(1, events="yes"),
        lambda persons: persons.delete_many(),
        lambda persons: persons.delete_many(uuids=["ada"]),
        lambda persons: persons.delete_many(distinct_ids="ada"),
        lambda persons: persons.delete_many(uuids=[], distinct_ids=[]),
    ],
    ids=range(17),
)
async def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    env: PostHogEnv, fake: FakePostHog, call: Any
) -> None:
    with pytest.raises(ConfigurationError):
        await call(env.persons)

    assert fake.requests == []


# deletions


async def test_a_person_is_deleted_with_what_was_asked(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    await env.persons.delete(ada, events=True)

    erasure = fake.erasures()[ada]
    assert (erasure.events, erasure.recordings, erasure.deleted) == (True, False, True)
    assert fake.requests[-1].query == {"delete_events": "true"}
    with pytest.raises(NotFoundError):
        await env.persons.delete(ada)


async def test_a_switch_that_is_off_is_not_sent_where_presence_counts(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    await env.persons.delete(ada)

    assert fake.requests[-1].query == {}
    assert not fake.erasures()[ada].events


async def test_a_deletion_whose_answer_was_lost_has_succeeded(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    fake.faults.append(Fault(action="lost"))

    await env.persons.delete(ada, recordings=True)

    assert [asked.status for asked in fake.requests] == [0, 404]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("old", DeletionSummary(requests=1)),
        (
            "mid",
            DeletionSummary(
                found=2, deleted=2, events_queued=True, recordings_queued=False, requests=1
            ),
        ),
        (
            "new",
            DeletionSummary(
                found=2,
                deleted=0,
                queued=2,
                events_queued=True,
                recordings_queued=False,
                requests=1,
            ),
        ),
    ],
)
async def test_many_are_deleted_and_every_shape_of_the_answer_is_read(
    version: Any, expected: DeletionSummary
) -> None:
    async with FakePostHog(9, mode="routes", version=version) as fake, client(fake) as env:
        first, second, *rest = fake.uuids()

        summary = await env.persons.delete_many(uuids=[first, str(second), uuid4()], events=True)

        assert summary == expected
        assert fake.uuids() == rest
        assert fake.erasures()[first].events


async def test_the_switches_are_always_in_the_body(env: PostHogEnv, fake: FakePostHog) -> None:
    await env.persons.delete_many(distinct_ids=["user-1", "user-1", "nobody"])

    assert fake.requests[-1].json() == {
        "distinct_ids": ["user-1", "nobody"],
        "delete_events": False,
        "delete_recordings": False,
        "keep_person": False,
    }
    assert fake.requests[-1].query == {}


async def test_a_thousand_are_deleted_a_request(env: PostHogEnv, fake: FakePostHog) -> None:
    summary = await env.persons.delete_many(uuids=fake.uuids(), recordings=True)

    assert [len(asked.json()["ids"]) for asked in fake.requests] == [1000, 1000, 500]
    assert (summary.found, summary.queued, summary.requests) == (2500, 2500, 3)
    assert summary.recordings_queued is True
    assert fake.uuids() == []


async def test_an_error_that_names_a_thousand_persons_is_a_summary(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    uuids = fake.uuids()[:1000]
    fake.undeletable().update(uuids)

    summary = await env.persons.delete_many(uuids=uuids)

    assert fake.requests[-1].status == 500
    assert {error.person_uuid for error in summary.errors} == set(uuids)


@pytest.mark.parametrize("share", [1, 2])
async def test_what_could_not_be_deleted_is_in_the_summary(
    env: PostHogEnv, fake: FakePostHog, share: int
) -> None:
    uuids = fake.uuids()[:2]
    fake.undeletable().update(uuids[:share])

    summary = await env.persons.delete_many(uuids=uuids)

    assert [error.person_uuid for error in summary.errors] == uuids[:share]
    assert {error.step for error in summary.errors} == {"person"}
    assert len(fake.requests) == 1


@pytest.mark.parametrize("fault", [Fault(500), Fault(502), Fault(action="lost")])
async def test_a_bulk_deletion_that_may_have_arrived_is_not_sent_again(
    env: PostHogEnv, fake: FakePostHog, fault: Fault
) -> None:
    fake.faults.append(fault)

    with pytest.raises((ServerError, APIConnectionError)):
        await env.persons.delete_many(uuids=fake.uuids()[:3])

    assert len(fake.requests) == 1


async def test_an_error_in_between_says_how_many_were_sent(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(502, after=1))

    with pytest.raises(ServerError) as caught:
        await env.persons.delete_many(uuids=fake.uuids())

    assert caught.value.__notes__ == ["the first 1000 of 2500 ids were sent before this"]


async def test_an_error_without_a_uuid_is_kept_in_the_summary(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    errors = [{"person_uuid": "none", "step": "events"}, {"detail": "lost"}]
    fake.faults.append(Fault(202, body={"persons_found": 3, "deletion_errors": errors}))

    summary = await env.persons.delete_many(uuids=fake.uuids()[:3])

    assert [(error.person_uuid, error.step) for error in summary.errors] == [
        (None, "events"),
        (None, None),
    ]


async def test_a_number_that_one_of_many_answers_lacks_is_unknown(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(202, body={"persons_found": 1000}))

    summary = await env.persons.delete_many(uuids=fake.uuids())

    assert (summary.found, summary.queued, summary.events_queued) == (2500, None, None)


async def test_a_summary_of_another_shape_is_refused(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(202, body={"persons_found": "two"}))

    with pytest.raises(ResponseDecodeError, match="summary"):
        await env.persons.delete_many(uuids=fake.uuids()[:3])


async def test_nobody_to_delete_sends_nothing(env: PostHogEnv, fake: FakePostHog) -> None:
    assert (await env.persons.delete_many(uuids=[])).found == 0
    assert fake.requests == []


async def test_the_deletions_of_events_are_listed(env: PostHogEnv, fake: FakePostHog) -> None:
    first, second, third = fake.uuids()[:3]
    await env.persons.delete_many(uuids=[first, second], events=True)
    await env.persons.delete(third)

    rows = await env.persons.deletions().collect()
    (one,) = await env.persons.deletions(person_uuid=first).collect()

    assert {row.person_uuid for row in rows} == {first, second}
    assert one.status == "completed"
    assert one.delete_verified_at is not None
    assert await env.persons.deletions(status="pending").collect() == []


@pytest.mark.parametrize("given", [{"status": "lost"}, {"person_uuid": "ada"}])
async def test_a_wrong_list_of_deletions_is_refused(env: PostHogEnv, given: Any) -> None:
    with pytest.raises(ConfigurationError):
        env.persons.deletions(**given)
