"""Spans and metrics of a client for OpenTelemetry, with its conventions for HTTP."""

from collections.abc import Callable
from typing import Any

import attrs

from posthog_env_async import events
from posthog_env_async._version import __version__
from posthog_env_async.errors import ConfigurationError

__all__ = ["observer"]

NAME = "posthog_env_async"


def observer(
    *, tracer_provider: Any | None = None, meter_provider: Any | None = None
) -> Callable[[events.Event], None]:
    """Return an observer for `PostHogEnv(observer=…)`; needs the extra `otel`.

    A call is a span below the current one, and each of its attempts a span below that. Nothing has
    a key, an id or a query's values. The providers are by default those of the process.

    Raises:
        ConfigurationError: when the extra is missing.
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        missing = "OpenTelemetry is missing: pip install 'posthog-env-async[otel]'"
        raise ConfigurationError(missing) from None
    meter = metrics.get_meter(NAME, __version__, meter_provider)
    return _Observer(
        trace,
        trace.get_tracer(NAME, __version__, tracer_provider),
        meter.create_histogram("http.client.request.duration", "s", "One attempt"),
        meter.create_counter("posthog_env.retries", "{retry}", "Attempts that were not the first"),
        meter.create_histogram("posthog_env.limit.wait", "s", "Waits for a place in the limits"),
        meter.create_counter("posthog_env.rows", "{row}", "Rows of listings"),
        meter.create_counter("posthog_env.bytes", "By", "Bodies after decompression"),
    )


@attrs.define
class _Observer:
    trace: Any
    tracer: Any
    duration: Any
    retries: Any
    waits: Any
    rows: Any
    bytes: Any
    calls: dict[int, Any] = attrs.field(factory=dict[int, Any])
    requests: dict[int, tuple[Any, Any]] = attrs.field(factory=dict[int, tuple[Any, Any]])

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.CallStarted():
                self.calls[event.call] = self._span(event, {}, self.trace.SpanKind.INTERNAL, None)
            case events.RequestStarted():
                self._begin(event)
            case events.RequestEnded():
                self._end(event)
            case events.RetryScheduled(wait=wait, error=error):
                self.retries.add(1, {"error.type": error, "url.template": event.route})
                told = {"attempt": event.attempt, "wait": wait, "error.type": error}
                self.calls[event.call].add_event("retry scheduled", told)
            case events.LimitWaited(budget=budget, seconds=seconds):
                self.waits.record(seconds, {"posthog_env.budget": budget})
                told = {"posthog_env.budget": budget, "wait": seconds}
                self.calls[event.call].add_event("limit waited", told)
            case events.PageRead():
                self.rows.add(event.rows, {"url.template": event.route})
            case events.CallEnded():
                span = self.calls.pop(event.call)
                span.set_attribute("posthog_env.attempts", event.attempts)
                self._finish(span, event)
            case _:
                pass

    def _span(self, event: Any, more: dict[str, Any], kind: Any, parent: Any) -> Any:
        named = {"http.request.method": event.method, "url.template": event.route, **more}
        name = f"{event.method} {event.route}"
        return self.tracer.start_span(name, context=parent, kind=kind, attributes=named)

    def _begin(self, event: events.RequestStarted) -> None:
        server = {"server.address": event.host, "server.port": event.port}
        resent = {"http.request.resend_count": event.attempt - 1} if event.attempt > 1 else {}
        parent = self.trace.set_span_in_context(self.calls[event.call])
        span = self._span(event, server | resent, self.trace.SpanKind.CLIENT, parent)
        self.requests[event.call] = span, server

    def _end(self, event: events.RequestEnded) -> None:
        span, server = self.requests.pop(event.call)
        route = {"url.template": event.route}
        named = {"http.request.method": event.method, **route, **server}
        self.duration.record(event.seconds, named | self._finish(span, event))
        self.bytes.add(event.bytes, route)

    def _finish(self, span: Any, event: Any) -> dict[str, Any]:
        """End a span, and return what came of it as the conventions have it."""
        found: dict[str, Any] = {}
        if event.status is not None:
            found["http.response.status_code"] = event.status
        if event.error is not None or (event.status or 0) >= 400:
            found["error.type"] = event.error or str(event.status)
            span.set_status(self.trace.StatusCode.ERROR)
        span.set_attributes(found)
        span.end()
        return found
