"""What an observer is told: every request, retry and wait, and nothing personal."""

import logging
import re
from contextlib import aclosing
from typing import Any
from uuid import UUID

import anyio
import attrs
import pytest

from posthog_env_async import (
    APIStatusError,
    ConfigurationError,
    Limit,
    ListingReport,
    NotFoundError,
    PostHogEnv,
)
from posthog_env_async.events import (
    CallEnded,
    CallStarted,
    Event,
    LimitWaited,
    ListingEnded,
    PageRead,
    RequestEnded,
    RequestStarted,
    RetryScheduled,
    SeamRepaired,
)
from posthog_env_async.session import Request
from posthog_env_async.testing import Drift, FakePostHog, Fault
from sessions import NOBODY, client, read

CANARY = "canary@example.com"


async def test_a_call_tells_its_begin_its_requests_and_its_end(fake: FakePostHog) -> None:
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        await read(env)

    assert [type(event) for event in events] == [
        CallStarted,
        RequestStarted,
        RequestEnded,
        CallEnded,
    ]
    assert {event.route for event in events} == {"/api/environments/{project_id}/persons/"}
    assert {event.method for event in events} == {"GET"}
    assert len({event.call for event in events}) == 1
    ended = events[2]
    assert (ended.status, ended.attempt, ended.error) == (200, 1, None)
    assert ended.bytes > 100
    assert ended.seconds > 0
    assert events[3].attempts == 1


async def test_a_retry_tells_why_and_how_long_it_waits(fake: FakePostHog) -> None:
    fake.faults.append(Fault(503))
    fake.faults.append(Fault(action="reset"))
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        await read(env)

    retries = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(retry.attempt, retry.status, retry.error) for retry in retries] == [
        (1, 503, "ServerError"),
        (2, None, "APIConnectionError"),
    ]
    ended = [event for event in events if isinstance(event, RequestEnded)]
    assert [(event.attempt, event.status) for event in ended] == [(1, 503), (2, None), (3, 200)]
    assert events[-1].attempts == 3


async def test_a_wait_for_a_limit_is_told_with_its_seconds(fake: FakePostHog) -> None:
    events = list[Any]()
    async with client(fake, limits=[Limit(1, 0.1)], observer=events.append) as env:
        await read(env)
        await read(env)

    waits = [event for event in events if isinstance(event, LimitWaited)]
    assert len(waits) == 1
    assert waits[0].seconds == pytest.approx(0.1, abs=0.08)
    ended = [event for event in events if isinstance(event, RequestEnded)]
    assert ended[1].waited == waits[0].seconds


async def test_an_error_is_told_by_its_class_alone(fake: FakePostHog) -> None:
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        with pytest.raises(NotFoundError):
            await env.persons.get(NOBODY)

    assert (events[-1].error, events[-1].status) == ("NotFoundError", 404)
    assert events[-1].route == "/api/environments/{project_id}/persons/{id}/"


async def test_a_call_that_is_cancelled_tells_its_end(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall", seconds=None))
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        with anyio.move_on_after(0.05):
            await read(env)

    assert [type(event) for event in events[-2:]] == [RequestEnded, CallEnded]
    assert events[-1].error == events[-2].error == "CancelledError"


async def test_a_stream_that_is_left_tells_its_end(fake: FakePostHog) -> None:
    events = list[Any]()
    async with (
        client(fake, observer=events.append) as env,
        aclosing(env.persons.csv()) as pieces,
    ):
        async for _ in pieces:
            break

    assert [type(event) for event in events[-2:]] == [RequestEnded, CallEnded]
    assert events[-1].error is None


async def test_a_stream_tells_its_bytes_at_its_end(fake: FakePostHog) -> None:
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        size = sum([len(piece) async for piece in env.persons.csv()])

    ended = next(event for event in events if isinstance(event, RequestEnded))
    assert ended.bytes == size
    assert isinstance(events[-1], CallEnded)


async def test_no_event_has_a_key_an_id_or_a_personal_value(fake: FakePostHog) -> None:
    events = list[Event]()
    person = fake.uuids()[0]
    async with client(fake, observer=events.append) as env:
        await env.persons.get(person)
        await env.persons.list(search=CANARY).first()
        await env.persons.list(distinct_id="canary-id").first()
        for path in (CANARY, f"cohorts/{CANARY}", "persons/canary/split", "Canary/x"):
            with pytest.raises(APIStatusError):
                await env.request("GET", path)

    text = " ".join(str(attrs.asdict(event)) for event in events)
    assert "canary" not in text.lower()
    assert str(person) not in text
    assert fake.key not in text


async def test_an_observer_that_raises_harms_nothing_and_is_told_once(
    fake: FakePostHog, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: Event) -> None:
        raise ValueError(CANARY)

    with caplog.at_level(logging.WARNING):
        async with client(fake, observer=fails) as env:
            await read(env)
            await read(env)

    assert [record.getMessage() for record in caplog.records] == [
        "the observer raised ValueError; told once"
    ]


async def test_siblings_tell_the_same_observer(fake: FakePostHog) -> None:
    fake.add_project(2, persons=1)
    events = list[Any]()
    async with client(fake, observer=events.append) as env, anyio.create_task_group() as group:
        group.start_soon(read, env.for_project(2))
        group.start_soon(read, env.with_options(timeout=5.0))

    assert len([event for event in events if isinstance(event, CallEnded)]) == 2
    assert len({event.call for event in events}) == 2


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("persons/", "/api/projects/{project_id}/persons/"),
        ("persons/17/", "/api/projects/{project_id}/persons/{id}/"),
        (f"persons/{UUID(int=7)}/split/", "/api/projects/{project_id}/persons/{id}/split/"),
        ("logs/query/", "/api/projects/{project_id}/logs/query/"),
        ("Max/", "/api/projects/{project_id}/{id}/"),
        ("cohorts/john/", "/api/projects/{project_id}/cohorts/{id}/"),
    ],
)
def test_a_route_is_a_template(path: str, route: str) -> None:
    assert Request(path=path, project="1").route("projects") == route


def test_a_route_outside_of_projects() -> None:
    route = Request(path="personal_api_keys/@current/").route("projects")

    assert route == "/api/personal_api_keys/@current/"
    assert re.fullmatch(r"[a-z/_@{}]+", route)


async def test_a_call_is_one_structured_line_at_debug(
    fake: FakePostHog, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="posthog_env_async"):
        async with client(fake) as env:
            await env.persons.get(fake.uuids()[0])

    (record,) = caplog.records
    fields = vars(record)
    assert (fields["method"], fields["status"], fields["attempts"]) == ("GET", 200, 1)
    assert fields["route"] == "/api/environments/{project_id}/persons/{id}/"
    assert str(fake.uuids()[0]) not in record.getMessage()


async def test_a_listing_tells_its_pages_and_its_end_with_the_report(fake: FakePostHog) -> None:
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        people = await env.persons.list(page_size=1_000, max_items=2_100).collect()

    pages = [event for event in events if isinstance(event, PageRead)]
    (ended,) = [event for event in events if isinstance(event, ListingEnded)]
    assert sum(page.rows for page in pages) == len(people) == 2_100
    assert ended is events[-1]
    assert (ended.report.items, ended.report.complete) == (2_100, True)
    assert {event.route for event in [*pages, ended]} == {"/api/environments/{project_id}/persons/"}


async def test_a_listing_that_is_left_tells_its_end(fake: FakePostHog) -> None:
    events = list[Any]()
    async with client(fake, observer=events.append) as env:
        await env.persons.list(page_size=10).first()
        async with env.persons.list(page_size=10).iterate() as run:
            await anext(run)

    reports = [event.report for event in events if isinstance(event, ListingEnded)]
    assert [(report.items, report.complete) for report in reports] == [(1, True), (1, False)]


async def test_a_seam_that_is_repaired_is_told() -> None:
    events = list[Any]()
    drift = Drift(inserts=(0, 0), deletes=(12, 12))
    async with (
        FakePostHog(persons=900, mode="routes", drift=drift) as moving,
        client(moving, observer=events.append) as env,
        env.persons.list(page_size=20).iterate() as run,
    ):
        async for _ in run:
            pass

    repaired = [event for event in events if isinstance(event, SeamRepaired)]
    assert len(repaired) == run.report.seams_repaired > 0


async def test_the_progress_of_a_listing_is_its_report(env: PostHogEnv) -> None:
    reports = list[ListingReport]()
    async with env.persons.list(page_size=1_000).iterate(on_progress=reports.append) as run:
        async for _ in run:
            pass

    assert [report.pages for report in reports] == sorted(report.pages for report in reports)
    assert reports[-1] == run.report
    assert reports[-1].complete


async def async_observer(event: Event) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("observer", [async_observer, "text"])
def test_an_observer_that_cannot_be_called_at_once_is_refused(observer: Any) -> None:
    with pytest.raises(ConfigurationError, match="observer must be a function"):
        PostHogEnv(1, api_key="phx_a", observer=observer)
