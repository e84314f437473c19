"""Looking up, changing and deleting persons in the embedded server (docs/server.md)."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession

from fakes import ENDPOINT_NOT_FOUND, NOT_FOUND, PERSONS, ask, bearer
from posthog_env_async.testing import CLOUD_THROTTLES, FakePostHog


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(20, mode="routes") as server:
        yield server


async def send(
    http: ClientSession,
    fake: FakePostHog,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    key: str = "",
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else bearer(fake)
    url = f"{fake.url}{path if path.startswith('/') else PERSONS + path}"
    async with http.request(method, url, json=body, headers=headers) as response:
        kind = response.headers.get("Content-Type", "")
        return response.status, await (response.json() if "json" in kind else response.read())


# batches


async def test_a_batch_answers_whom_it_knows_by_what_was_asked(
    http: ClientSession, fake: FakePostHog
) -> None:
    ada = fake.add_person(distinct_ids=["ada", "ada-anon"])
    ids = {"distinct_ids": ["ada", "nobody", "user-3", "ada-anon"]}

    status, body = await send(http, fake, "batch_by_distinct_ids/", ids)

    assert status == 200
    assert list(body["results"]) == ["ada", "user-3", "ada-anon"]
    assert body["results"]["ada"]["uuid"] == body["results"]["ada-anon"]["uuid"] == str(ada)
    assert isinstance(body["results"]["ada"]["id"], int)


async def test_a_batch_silently_drops_all_but_the_first_200(
    http: ClientSession, fake: FakePostHog
) -> None:
    ids = {"distinct_ids": [f"nobody-{number}" for number in range(200)] + ["user-3"]}

    assert await send(http, fake, "batch_by_distinct_ids/", ids) == (200, {"results": {}})


async def test_a_batch_shows_ten_distinct_ids_of_each(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuid = fake.add_person(distinct_ids=[f"id-{number}" for number in range(12)])

    _, body = await send(http, fake, "batch_by_uuids/", {"uuids": [str(uuid)]})

    assert body["results"][str(uuid)]["distinct_ids"] == [f"id-{number}" for number in range(10)]


async def test_a_batch_refuses_what_is_not_a_uuid(http: ClientSession, fake: FakePostHog) -> None:
    status, body = await send(http, fake, "batch_by_uuids/", {"uuids": [str(uuid4()), "ada"]})

    assert (status, body["type"]) == (400, "validation_error")


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("path", ["batch_by_uuids/", "batch_by_distinct_ids/"])
async def test_a_server_may_lack_the_batches(http: ClientSession, status: Any, path: str) -> None:
    async with FakePostHog(5, without_batches=status) as fake:
        found, body = await send(http, fake, path, {"uuids": [], "distinct_ids": []})

    assert found == status
    assert (body == ENDPOINT_NOT_FOUND) == (status == 404)


async def test_persons_take_json_alone(http: ClientSession, fake: FakePostHog) -> None:
    async with http.post(
        f"{fake.url}{PERSONS}bulk_delete/", data={"ids": "x"}, headers=bearer(fake)
    ) as response:
        assert response.status == 415


# changing


async def test_properties_are_set_and_removed(http: ClientSession, fake: FakePostHog) -> None:
    uuid = fake.uuids()[4]

    answers = [
        await send(http, fake, f"{uuid}/", {"properties": {"plan": "moon"}}, method="PATCH"),
        await send(http, fake, f"{uuid}/update_property/", {"key": "seats", "value": None}),
        await send(http, fake, f"{uuid}/delete_property/", {"$unset": "email"}),
    ]
    _, person = await ask(http, fake, f"{PERSONS}{uuid}/")
    _, found = await ask(http, fake, PERSONS, properties='[{"key":"plan","value":"moon"}]')

    assert answers == [(202, b""), (202, b""), (201, {"success": True})]
    assert person["properties"]["plan"] == "moon"
    assert person["properties"]["seats"] is None
    assert "email" not in person["properties"]
    assert [row["uuid"] for row in found["results"]] == [str(uuid)]


async def test_a_missing_value_is_refused_with_code_and_detail_swapped(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuid = fake.uuids()[4]

    assert await send(http, fake, f"{uuid}/update_property/", {"key": "plan"}) == (
        400,
        {
            "type": "validation_error",
            "code": "This field is required.",
            "detail": "required",
            "attr": "value",
        },
    )
    status, body = await send(http, fake, f"{uuid}/delete_property/", {})
    assert (status, body["success"]) == (400, False)


async def test_a_change_may_be_accepted_and_never_made(http: ClientSession) -> None:
    async with FakePostHog(3, change_delay=None) as fake:
        uuid = fake.uuids()[0]
        status, _ = await send(http, fake, f"{uuid}/update_property/", {"key": "a", "value": 1})
        _, person = await ask(http, fake, f"{PERSONS}{uuid}/")

    assert status == 202
    assert "a" not in person["properties"]


@pytest.mark.parametrize(
    ("method", "path", "attr"),
    [
        ("PATCH", "{uuid}/", "properties"),
        ("POST", "reset_person_distinct_id/", "distinct_id"),
        ("POST", "batch_by_uuids/", "uuids"),
        ("GET", "values/", "key"),
    ],
)
async def test_a_missing_field_is_refused_by_its_name(
    http: ClientSession, fake: FakePostHog, method: str, path: str, attr: str
) -> None:
    path = path.format(uuid=fake.uuids()[0])

    status, body = await send(http, fake, path, {}, method=method)

    assert (status, body["code"], body["attr"]) == (400, "required", attr)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "update_property/", {"key": "plan", "value": "moon"}),
        ("POST", "split/", {"distinct_ids_to_split": ["ada-anon"]}),
        ("DELETE", "", None),
    ],
)
async def test_a_change_to_a_person_that_is_gone_by_then_changes_nothing(
    http: ClientSession, method: str, path: str, body: Any
) -> None:
    async with FakePostHog(3, mode="routes", change_delay=0.05) as fake:
        uuid = fake.add_person(distinct_ids=["ada", "ada-anon"])
        status, _ = await send(http, fake, f"{uuid}/{path}", body, method=method)
        fake.delete([uuid])
        before = fake.uuids()
        await asyncio.sleep(0.1)
        _, page = await ask(http, fake)

    assert 200 <= status < 300
    assert [row["uuid"] for row in page["results"]] == [str(each) for each in before]


async def test_a_split_makes_persons_of_distinct_ids(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuid = fake.add_person(distinct_ids=["one", "two", "three"])

    body = {"distinct_ids_to_split": ["three"]}
    assert await send(http, fake, f"{uuid}/split/", body) == (201, {"success": True})
    _, person = await ask(http, fake, f"{PERSONS}{uuid}/")
    _, found = await ask(http, fake, PERSONS, distinct_id="three")

    assert person["distinct_ids"] == ["one", "two"]
    assert [row["distinct_ids"] for row in found["results"]] == [["three"]]


async def test_splitting_the_creating_id_does_nothing_but_blank_the_row(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuid = fake.add_person(distinct_ids=["one", "two"], properties={"plan": "scale"})

    await send(http, fake, f"{uuid}/split/", {"main_distinct_id": "two"})
    _, person = await ask(http, fake, f"{PERSONS}{uuid}/")

    assert (person["distinct_ids"], person["properties"]) == (["one", "two"], {})


# deleting


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("old", b""),
        (
            "mid",
            {
                "persons_found": 2,
                "persons_deleted": 2,
                "events_queued_for_deletion": True,
                "recordings_queued_for_deletion": False,
                "deletion_errors": [],
            },
        ),
        (
            "new",
            {
                "persons_found": 2,
                "persons_deleted": 0,
                "events_queued_for_deletion": True,
                "recordings_queued_for_deletion": False,
                "deletion_errors": [],
                "persons_queued_for_deletion": 2,
            },
        ),
    ],
)
async def test_deleting_many_answers_in_three_shapes(
    http: ClientSession, version: Any, expected: Any
) -> None:
    async with FakePostHog(5, version=version) as fake:
        first, second, *rest = fake.uuids()
        body = {"ids": [str(first), str(second), str(uuid4())], "delete_events": True}

        assert await send(http, fake, "bulk_delete/", body) == (202, expected)
        assert fake.uuids() == rest
        assert fake.erasures()[first].events


async def test_switches_in_the_query_are_ignored_when_many_are_deleted(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuid = fake.uuids()[0]
    path = "bulk_delete/?delete_events=true&keep_person=true"

    await send(http, fake, path, {"ids": [str(uuid)]})

    assert not fake.erasures()[uuid].events
    assert uuid not in fake.uuids()


async def test_a_queued_deletion_shows_later(http: ClientSession) -> None:
    async with FakePostHog(5, change_delay=3600.0) as fake:
        uuid = fake.uuids()[0]
        _, body = await send(http, fake, "bulk_delete/", {"ids": [str(uuid)]})

        assert body["persons_queued_for_deletion"] == 1
        assert uuid in fake.uuids()


@pytest.mark.parametrize(("share", "status"), [(1, 202), (2, 500)])
async def test_errors_of_a_deletion_come_in_the_summary(
    http: ClientSession, fake: FakePostHog, share: int, status: int
) -> None:
    uuids = fake.uuids()[:2]
    fake.undeletable().update(uuids[:share])

    found, body = await send(http, fake, "bulk_delete/", {"ids": [str(each) for each in uuids]})

    assert (found, body["persons_found"]) == (status, 2)
    assert body["deletion_errors"] == [
        {"person_uuid": str(each), "step": "person"} for each in uuids[:share]
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": ["x"]},
        {"ids": [], "distinct_ids": []},
        {"ids": [str(UUID(int=number)) for number in range(1001)]},
        {"distinct_ids": "ada"},
    ],
)
async def test_a_wrong_list_of_persons_to_delete_is_refused(
    http: ClientSession, fake: FakePostHog, body: Any
) -> None:
    status, _ = await send(http, fake, "bulk_delete/", body)

    assert status == 400
    assert len(fake.uuids()) == 20


async def test_the_status_of_deletions_is_of_events_alone(http: ClientSession) -> None:
    async with FakePostHog(5, verify_after=None) as fake:
        first, second = fake.uuids()[:2]
        await send(http, fake, f"{first}/?delete_events=1", method="DELETE")
        await send(http, fake, f"{second}/", method="DELETE")

        _, body = await ask(http, fake, f"{PERSONS}deletion_status/")
        _, done = await ask(http, fake, f"{PERSONS}deletion_status/", status="completed")
        status, _ = await ask(http, fake, f"{PERSONS}deletion_status/", status="lost")

    (row,) = body["results"]
    assert (row["person_uuid"], row["status"]) == (str(first), "pending")
    assert row["delete_verified_at"] is None
    assert done["results"] == []
    assert status == 400


async def test_a_verified_deletion_says_when(http: ClientSession, fake: FakePostHog) -> None:
    uuid = fake.uuids()[0]
    await send(http, fake, "bulk_delete/", {"ids": [str(uuid)], "delete_events": True})

    _, body = await ask(http, fake, f"{PERSONS}deletion_status/", person_uuid=str(uuid))

    assert body["results"][0]["status"] == "completed"
    assert body["results"][0]["delete_verified_at"] is not None


# what is known of persons


@pytest.mark.parametrize("version", ["old", "new"])
async def test_values_of_a_property_come_with_counts(http: ClientSession, version: Any) -> None:
    async with FakePostHog(0, version=version) as fake:
        for plan in ("moon", "moon", "mars", None):
            fake.add_person(properties={"plan": plan})

        _, body = await ask(http, fake, f"{PERSONS}values/", key="plan")
        _, part = await ask(http, fake, f"{PERSONS}values/", key="plan", value="MAR")

    rows = [{"name": "moon", "count": 2}, {"name": "mars", "count": 1}]
    assert body == (rows if version == "old" else {"results": rows, "refreshing": False})
    assert (part if version == "old" else part["results"]) == rows[1:]


async def test_the_cohorts_of_a_person_are_those_that_hold_it(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuid = fake.add_person(properties={"plan": "moon"})
    number = fake.add_cohort("Moon", properties=[{"key": "plan", "value": "moon"}])
    static = fake.add_cohort("Some", uuids=[uuid])

    _, body = await ask(http, fake, f"{PERSONS}cohorts/", person_id=str(uuid))
    _, cohort = await ask(http, fake, f"/api/projects/1/cohorts/{number}/")
    _, page = await ask(http, fake, f"/api/projects/1/cohorts/{static}/persons/")

    assert [row["name"] for row in body["results"]] == ["Moon", "Some"]
    assert (cohort["count"], cohort["is_static"]) == (1, False)
    assert [row["uuid"] for row in page["results"]] == [str(uuid)]


async def test_the_persons_of_a_cohort_come_in_pages(http: ClientSession) -> None:
    async with FakePostHog(100, mode="routes") as fake:
        link: str | None = "/api/projects/1/cohorts/1/persons/?limit=10"
        seen: list[str] = []
        while link is not None:
            _, page = await ask(http, fake, link)
            seen += [row["uuid"] for row in page["results"]]
            link = page["next"]
        _, cohorts = await ask(http, fake, "/api/projects/1/cohorts/")
        missing = await ask(http, fake, "/api/projects/1/cohorts/99/")

    assert len(seen) == len(set(seen)) == cohorts["results"][0]["count"] > 10
    assert missing == (404, NOT_FOUND)


async def test_the_persons_of_a_cohort_come_as_csv_too(
    http: ClientSession, fake: FakePostHog
) -> None:
    uuids = fake.uuids()[3:6]
    number = fake.add_cohort("Some", uuids=uuids)

    path = f"/api/projects/1/cohorts/{number}/persons/"
    status, text = await ask(http, fake, path, format="csv")

    assert status == 200
    assert len(text.splitlines()) == 1 + len(uuids)
    assert all(str(uuid).encode() in text for uuid in uuids)


async def test_activity_comes_by_page_number(http: ClientSession, fake: FakePostHog) -> None:
    first, second = fake.uuids()[:2]
    for number in range(12):
        uuid = first if number % 2 else second
        await send(http, fake, f"{uuid}/update_property/", {"key": "n", "value": number})

    _, everything = await ask(http, fake, f"{PERSONS}activity/")
    _, rest = await ask(http, fake, f"{PERSONS}activity/", page=2)
    _, one = await ask(http, fake, f"{PERSONS}{first}/activity/", limit=50)

    assert (len(everything["results"]), everything["total_count"]) == (10, 12)
    assert (len(rest["results"]), rest["next"]) == (2, None)
    assert {entry["item_id"] for entry in one["results"]} == {str(first)}


async def test_a_person_is_shown_as_it_was(http: ClientSession, fake: FakePostHog) -> None:
    uuid = fake.add_person(distinct_ids=["ada"], properties={"plan": "free"})
    await send(http, fake, f"{uuid}/update_property/", {"key": "plan", "value": "scale"})
    path = f"{PERSONS}properties_at_time/"

    _, before = await ask(http, fake, path, timestamp="2026-01-01T00:00:00", distinct_id="ada")
    _, after = await ask(http, fake, path, timestamp="2999-01-01T00:00:00Z", person_id=str(uuid))

    assert before["properties"]["plan"] == "free"
    assert before["point_in_time_metadata"]["query_mode"] == "distinct_id"
    assert after["properties"]["plan"] == "scale"


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"timestamp": "2026-01-01"}, 400),
        ({"timestamp": "2026-01-01", "distinct_id": "nobody"}, 404),
        ({"timestamp": "2026-01-01", "person_id": "x"}, 400),
    ],
)
async def test_errors_of_the_past_come_as_error_alone(
    http: ClientSession, fake: FakePostHog, params: dict[str, str], status: int
) -> None:
    found, body = await ask(http, fake, f"{PERSONS}properties_at_time/", **params)

    assert (found, list(body)) == (status, ["error"])


async def test_other_actions_are_accepted(http: ClientSession, fake: FakePostHog) -> None:
    uuid = fake.uuids()[0]
    paths = [f"{uuid}/delete_events/", f"{uuid}/delete_recordings/"]

    answers = [await send(http, fake, path) for path in paths]
    reset = await send(http, fake, "reset_person_distinct_id/", {"distinct_id": "x"})

    assert [status for status, _ in answers] == [202, 202]
    assert reset == (202, b"")
    assert fake.erasures()[uuid].events
    assert fake.erasures()[uuid].recordings
    assert uuid in fake.uuids()


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "bulk_delete/", "person:write"),
        ("POST", "batch_by_uuids/", "person:read"),
        ("PATCH", "1/", "person:write"),
        ("POST", "1/split/", "person:write"),
        ("GET", "deletion_status/", "person:read"),
        ("GET", "activity/", "activity_log:read"),
        ("GET", "cohorts/", "person:read"),
        ("GET", "/api/projects/1/cohorts/1/persons/", "cohort:read"),
        ("POST", "/api/projects/1/logs/count/", "logs:read"),
    ],
)
async def test_each_action_names_the_scope_that_it_needs(
    http: ClientSession, fake: FakePostHog, method: str, path: str, scope: str
) -> None:
    weak = fake.add_key(scopes=["insight:read"])

    status, body = await send(http, fake, path, method=method, key=weak)

    assert status == 403
    assert scope in body["detail"]


async def test_deletions_have_a_limit_of_their_own(http: ClientSession) -> None:
    throttles = {**CLOUD_THROTTLES, "persons_delete": ((1, 60.0),), "persons": ((1, 60.0),)}
    async with FakePostHog(5, throttles=throttles) as fake:
        statuses = [
            (await send(http, fake, "bulk_delete/", {"ids": []}))[0],
            (await ask(http, fake, f"{PERSONS}values/", key="plan"))[0],
            (await send(http, fake, "bulk_delete/", {"ids": []}))[0],
        ]

    assert statuses == [202, 200, 429]


# logs and the home folder


async def test_logs_are_counted_and_described(http: ClientSession, fake: FakePostHog) -> None:
    logs = "/api/projects/1/logs/"
    query = {"query": {"severityLevels": ["error"]}}

    _, count = await send(http, fake, f"{logs}count/", query)
    _, buckets = await send(http, fake, f"{logs}sparkline/", query)
    _, all_of_it = await send(http, fake, f"{logs}count/", {"query": {}})
    _, services = await send(http, fake, f"{logs}services/", {"query": {"dateRange": {}}})
    refused, _ = await send(http, fake, f"{logs}services/", {"query": {}})
    _, names = await ask(http, fake, f"{logs}attributes/", attribute_type="resource", limit=1)
    _, values = await ask(http, fake, f"{logs}values/", key="service.name", value="CHECK")
    _, has = await ask(http, fake, f"{logs}has_logs/")

    assert 0 < count["count"] < all_of_it["count"]
    assert sum(bucket["count"] for bucket in buckets) == count["count"]
    assert sum(row["log_count"] for row in services["services"]) == all_of_it["count"]
    assert refused == 400
    assert (len(names["results"]), names["count"]) == (1, 2)
    assert [row["name"] for row in values["results"]] == ["checkout"]
    assert has == {"hasLogs": True}


@pytest.mark.parametrize(
    ("path", "params", "attr"),
    [
        ("attributes/", {"attribute_type": "span"}, "attribute_type"),
        ("attributes/", {"dateRange": "{"}, "dateRange"),
        ("values/", {}, "key"),
    ],
)
async def test_a_wrong_question_about_logs_is_refused_by_its_field(
    http: ClientSession, fake: FakePostHog, path: str, params: dict[str, str], attr: str
) -> None:
    status, body = await ask(http, fake, f"/api/projects/1/logs/{path}", **params)

    assert (status, body["type"], body["attr"]) == (400, "validation_error", attr)


async def test_counting_logs_needs_a_query(http: ClientSession, fake: FakePostHog) -> None:
    status, body = await send(http, fake, "/api/projects/1/logs/count/", {"query": []})

    assert (status, body["detail"]) == (400, "query must be an object")


async def test_the_home_folder_is_the_same_each_time(
    http: ClientSession, fake: FakePostHog
) -> None:
    path = "/api/projects/1/file_system/home_folder/"

    first, second = [await send(http, fake, path) for _ in range(2)]

    assert first == second
    assert set(first[1]) == {"id", "path"}


# without a loop, and as fixtures


def test_a_fake_serves_a_program_without_a_loop() -> None:
    from urllib.request import Request, urlopen

    with FakePostHog(7) as fake:
        asked = Request(f"{fake.url}{PERSONS}?limit=3", headers=bearer(fake))  # noqa: S310
        with urlopen(asked) as answer:  # noqa: S310
            body = answer.read()

    assert body.count(b'"uuid"') == 3
    assert [asked.status for asked in fake.requests] == [200]


def test_a_port_that_is_taken_leaves_no_thread_behind() -> None:
    with FakePostHog(0) as fake:
        port = int(fake.url.rpartition(":")[2])
        before = threading.active_count()
        with pytest.raises(OSError, match="address"), FakePostHog(0, port=port):
            pass

        assert threading.active_count() == before


def test_a_fake_in_a_thread_can_be_closed_twice() -> None:
    with FakePostHog(0) as fake:
        fake.__exit__(None, None, None)

        with pytest.raises(RuntimeError, match="does not run"):
            _ = fake.url


def test_a_fake_in_a_thread_closes_without_waiting_for_a_slow_answer() -> None:
    from urllib.request import Request, urlopen

    with FakePostHog(0, latency=60.0) as fake:
        asked = Request(f"{fake.url}{PERSONS}", headers=bearer(fake))  # noqa: S310
        with pytest.raises(TimeoutError):
            urlopen(asked, timeout=0.1)  # noqa: S310
        began = time.monotonic()

    assert time.monotonic() - began < 30
