"""What the server counts and knows of logs, and the home folder (docs/server.md)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from posthog_env_async import (
    ConfigurationError,
    EndpointNotAvailableError,
    LogService,
    MissingScopeError,
    PostHogEnv,
    PropertyFilter,
    ResponseDecodeError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
HOUR = {"date_from": "2026-09-01T05:00:00Z", "date_to": NOW}


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=5, mode="routes", now=NOW) as server:
        yield server


async def test_a_count_agrees_with_the_entries(env: PostHogEnv) -> None:
    entries = await env.logs.query(**HOUR, severity_levels=["error"]).collect()

    assert await env.logs.count(**HOUR, severity_levels=["error"]) == len(entries) > 0


async def test_buckets_add_up_to_the_count(env: PostHogEnv) -> None:
    buckets = await env.logs.sparkline(**HOUR, service_names=["checkout"])

    assert sum(bucket.count for bucket in buckets) == await env.logs.count(
        **HOUR, service_names=["checkout"]
    )
    times = [bucket.time for bucket in buckets if bucket.time]
    assert times == sorted(times)
    assert {bucket.level for bucket in buckets} >= {"info", "error"}


async def test_services_come_with_their_counts(env: PostHogEnv) -> None:
    services = await env.logs.services(**HOUR)

    assert {service.name for service in services} == {"checkout", "web", "worker", "billing"}
    assert sum(service.count or 0 for service in services) == await env.logs.count(**HOUR)
    assert "error_count" in services[0].extra


@pytest.mark.parametrize(
    "body", [[{"name": "web", "count": 3}], {"results": [{"service": "web", "total": 3}]}]
)
async def test_services_of_another_shape_are_read_too(
    env: PostHogEnv, fake: FakePostHog, body: Any
) -> None:
    fake.faults.append(Fault(200, body=body))

    assert await env.logs.services() == (LogService(name="web", count=3),)


async def test_attributes_are_read_to_the_last_page(env: PostHogEnv, fake: FakePostHog) -> None:
    rows = [{"name": f"name-{number}", "propertyFilterType": "log"} for number in range(130)]
    for page in (rows[:100], rows[100:]):
        fake.faults.append(Fault(200, body={"results": page, "count": 130}))

    names = await env.logs.attributes()

    assert [each.name for each in names] == [row["name"] for row in rows]
    assert [asked.query["offset"] for asked in fake.requests] == ["0", "100"]


async def test_attributes_are_narrowed(env: PostHogEnv, fake: FakePostHog) -> None:
    filters = [PropertyFilter("service.name", "web", type="log_resource_attribute")]

    (name,) = await env.logs.attributes(
        **HOUR, attribute_type="resource", search="POD", filters=filters, service_names=["web"]
    )

    assert (name.name, name.filter_type) == ("k8s.pod.name", "log_resource_attribute")
    query = fake.requests[-1].query
    assert json.loads(query["serviceNames"]) == ["web"]
    assert json.loads(query["dateRange"])["date_from"] == "2026-09-01T05:00:00Z"
    assert json.loads(query["filterGroup"])["values"][0]["values"][0]["value"] == "web"
    assert await env.logs.attributes(max_items=0) == ()


async def test_values_of_an_attribute_come_with_counts(env: PostHogEnv) -> None:
    values = await env.logs.attribute_values("service.name", **HOUR, search="eb")

    assert [value.name for value in values] == ["web"]
    assert values[0].count == await env.logs.count(**HOUR, service_names=["web"])


@pytest.mark.parametrize("logs", [0, 5])
async def test_a_project_has_logs_or_none(logs: int) -> None:
    async with FakePostHog(1, mode="routes", logs=logs) as fake, client(fake) as env:
        assert await env.logs.has_logs() is (logs > 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda logs: logs.count(severity_levels=["loud"]),
        lambda logs: logs.count(search_term=7),
        lambda logs: logs.sparkline(date_from="yesterday"),
        lambda logs: logs.services(filters=[PropertyFilter("a", "b")]),
        lambda logs: logs.attributes(attribute_type="span"),
        lambda logs: logs.attributes(max_items=-1),
        lambda logs: logs.attribute_values(""),
        lambda logs: logs.attribute_values("a", attribute_type="span"),
    ],
    ids=range(8),
)
async def test_a_wrong_question_about_logs_is_refused(
    env: PostHogEnv, fake: FakePostHog, call: Any
) -> None:
    with pytest.raises(ConfigurationError):
        await call(env.logs)

    assert fake.requests == []


async def test_a_range_of_a_count_must_not_end_before_it_begins(env: PostHogEnv) -> None:
    with pytest.raises(ConfigurationError, match="after date_to"):
        await env.logs.count(date_from="-1h", date_to="-2h")


async def test_an_unknown_filter_is_refused(env: PostHogEnv) -> None:
    with pytest.raises(TypeError):
        await env.logs.count(service="web")  # type: ignore[call-arg]


async def test_what_is_known_of_logs_needs_their_scope(fake: FakePostHog) -> None:
    async with client(fake, api_key=fake.add_key(scopes=["person:read"])) as env:
        with pytest.raises(MissingScopeError, match="logs:read"):
            await env.logs.count()


@pytest.mark.parametrize("name", ["count", "has_logs", "sparkline"])
async def test_an_answer_of_another_shape_is_refused(
    env: PostHogEnv, fake: FakePostHog, name: str
) -> None:
    fake.faults.append(Fault(200, body={"count": "many", "hasLogs": 1}))

    with pytest.raises(ResponseDecodeError):
        await getattr(env.logs, name)()


async def test_a_question_about_logs_is_a_read_and_is_sent_again(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(503))

    assert await env.logs.count(**HOUR) > 0
    assert len(fake.requests) == 2


# the home folder


async def test_the_home_folder_is_the_same_each_time(env: PostHogEnv, fake: FakePostHog) -> None:
    home = await env.persisted_folders.home()

    assert fake.requests[-1].body == b""

    assert home == await env.persisted_folders.home()
    assert home.path == "Unfiled"


async def test_an_older_server_has_no_home_folder() -> None:
    async with FakePostHog(1, mode="routes", version="old") as fake, client(fake) as env:
        with pytest.raises(EndpointNotAvailableError, match=r"persisted_folders\.list"):
            await env.persisted_folders.home()
