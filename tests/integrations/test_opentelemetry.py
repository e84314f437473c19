"""Spans and metrics in an SDK in memory: the right tree, and nothing personal."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from posthog_env_async import Limit, NotFoundError
from posthog_env_async.integrations.opentelemetry import observer
from posthog_env_async.testing import FakePostHog, Fault
from sessions import NOBODY, client, read

ROUTE = "/api/environments/{project_id}/persons/"


class Telemetry:
    """An SDK that keeps what it is given."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def below(self, parent: ReadableSpan | None) -> list[ReadableSpan]:
        id = parent.context.span_id if parent is not None and parent.context else None
        found = [s for s in self.spans if (s.parent.span_id if s.parent else None) == id]
        return sorted(found, key=lambda span: span.start_time or 0)

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = Telemetry()
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


async def test_ten_pages_with_two_retries_and_one_429_give_the_right_tree(
    fake: FakePostHog, telemetry: Telemetry
) -> None:
    fake.faults.append(Fault(503, after=2, times=2))
    fake.faults.append(Fault(429, after=6, headers={"Retry-After": "0.1"}))
    watch = observer(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    async with client(fake, observer=watch) as env:
        with telemetry.tracers.get_tracer("mine").start_as_current_span("job"):
            people = await env.persons.list(page_size=250, max_items=2_400).collect()

    assert len(people) == 2_400
    (job,) = telemetry.below(None)
    calls = telemetry.below(job)
    attempts = [telemetry.below(call) for call in calls]
    assert {call.name for call in calls} == {f"GET {ROUTE}"}
    assert len(calls) >= 10
    assert sum(map(len, attempts)) == len(calls) + 3
    assert sum(len(tried) > 1 for tried in attempts) in {2, 3}
    for call, tried in zip(calls, attempts, strict=True):
        check_call(call, tried)
    statuses = [
        attributes_of(span)["http.response.status_code"] for spans in attempts for span in spans
    ]
    assert sorted(statuses)[-3:] == [429, 503, 503]
    waits = [event for call in calls for event in call.events if event.name == "retry scheduled"]
    assert len(waits) == 3
    assert max(dict(event.attributes or {})["wait"] for event in waits) >= 0.1


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def check_call(call: ReadableSpan, tried: list[ReadableSpan]) -> None:
    assert attributes_of(call)["posthog_env.attempts"] == len(tried)
    assert call.status.status_code is StatusCode.UNSET
    for number, attempt in enumerate(tried):
        attributes = attributes_of(attempt)
        assert attempt.kind is SpanKind.CLIENT
        assert attributes.get("http.request.resend_count", 0) == number
        assert attributes["http.request.method"] == "GET"
        assert attributes["url.template"] == ROUTE
        assert attributes["server.address"] == "127.0.0.1"
        is_error = attempt.status.status_code is StatusCode.ERROR
        assert is_error == (attempt is not tried[-1])
        assert (call.start_time or 0) <= (attempt.start_time or 0)
        assert (attempt.end_time or 0) <= (call.end_time or 0)


async def test_metrics_count_attempts_retries_and_bytes(
    fake: FakePostHog, telemetry: Telemetry
) -> None:
    fake.faults.append(Fault(503))
    watch = observer(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    async with client(fake, observer=watch) as env:
        await env.persons.list().first()

    durations = telemetry.points("http.client.request.duration")
    assert {point.attributes["http.response.status_code"]: point.count for point in durations} == {
        503: 1,
        200: 1,
    }
    (retries,) = telemetry.points("posthog_env.retries")
    assert (retries.value, retries.attributes["error.type"]) == (1, "ServerError")
    assert telemetry.points("posthog_env.bytes")[0].value > 0


async def test_a_wait_for_the_limit_is_an_event_and_a_metric(
    fake: FakePostHog, telemetry: Telemetry
) -> None:
    watch = observer(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    async with client(fake, observer=watch, limits=[Limit(1, 0.1)]) as env:
        await read(env)
        await read(env)

    first, second = telemetry.below(None)
    (waited,) = second.events
    (point,) = telemetry.points("posthog_env.limit.wait")
    assert first.events == ()
    assert waited.name == "limit waited"
    assert dict(waited.attributes or {})["wait"] == point.sum > 0


async def test_an_attempt_without_an_answer_is_an_error_by_its_class(
    fake: FakePostHog, telemetry: Telemetry
) -> None:
    fake.faults.append(Fault(action="reset"))
    watch = observer(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    async with client(fake, observer=watch) as env:
        await read(env)

    (call,) = telemetry.below(None)
    broken, whole = [attributes_of(span) for span in telemetry.below(call)]
    assert broken["error.type"] == "APIConnectionError"
    assert "http.response.status_code" not in broken
    assert whole["http.response.status_code"] == 200


async def test_a_call_that_fails_is_an_error_by_its_class(
    fake: FakePostHog, telemetry: Telemetry
) -> None:
    watch = observer(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    async with client(fake, observer=watch) as env:
        with pytest.raises(NotFoundError):
            await env.persons.get(NOBODY)

    (call,) = telemetry.below(None)
    (attempt,) = telemetry.below(call)
    assert call.attributes
    assert attempt.attributes
    assert call.attributes["error.type"] == "NotFoundError"
    assert attempt.attributes["error.type"] == "404"
    text = "".join(span.to_json() for span in telemetry.spans)
    assert NOBODY not in text
    assert fake.key not in text
