"""Metrics of a client for Prometheus."""

from collections.abc import Callable
from typing import Any

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.events import (
    Event,
    LimitWaited,
    ListingEnded,
    PageRead,
    RequestEnded,
    RetryScheduled,
    SeamRepaired,
)

__all__ = ["observer"]


def observer(*, registry: Any | None = None) -> Callable[[Event], None]:
    """Return an observer for `PostHogEnv(observer=…)`; needs the extra `prometheus`.

    Make one for a registry, by default that of the process, and hand it to every client. No label
    has a key, an id or a query's values.

    Raises:
        ConfigurationError: when the extra is missing, or the registry has these metrics already.
    """
    try:
        from prometheus_client import REGISTRY
    except ImportError:
        missing = "prometheus_client is missing: pip install 'posthog-env-async[prometheus]'"
        raise ConfigurationError(missing) from None
    try:
        return _Observer.of(REGISTRY if registry is None else registry)
    except ValueError:
        doubled = "this registry has the metrics already: hand one observer to all clients"
    raise ConfigurationError(doubled)


@attrs.frozen
class _Observer:
    requests: Any
    seconds: Any
    bytes: Any
    retries: Any
    waited: Any
    rows: Any
    seams: Any
    listings: Any

    @classmethod
    def of(cls, registry: Any) -> "_Observer":
        from prometheus_client import Counter, Histogram

        def counter(name: str, text: str, *labels: str) -> Any:
            return Counter(f"posthog_env_{name}", text, labels, registry=registry)

        request = ("method", "route", "status")
        seconds = Histogram(
            "posthog_env_request_seconds", "One attempt", ("method", "route"), registry=registry
        )
        return cls(
            counter("requests", "Attempts by status, or by the class of the error", *request),
            seconds,
            counter("response_bytes", "Bodies after decompression", "route"),
            counter("retries", "Attempts that were not the first", "route", "error"),
            counter("limit_wait_seconds", "Waits for a place in the limits", "budget"),
            counter("rows", "Rows of listings", "route"),
            counter("seams_repaired", "Pages that were read again because rows moved", "route"),
            counter("listings", "Listings that ended, by their verdict", "route", "complete"),
        )

    def __call__(self, event: Event) -> None:
        match event:
            case RequestEnded(method=method, route=route):
                status = event.error if event.status is None else str(event.status)
                self.requests.labels(method, route, status or "cancelled").inc()
                self.seconds.labels(method, route).observe(event.seconds)
                self.bytes.labels(route).inc(event.bytes)
            case RetryScheduled():
                self.retries.labels(event.route, event.error).inc()
            case LimitWaited():
                self.waited.labels(event.budget).inc(event.seconds)
            case PageRead():
                self.rows.labels(event.route).inc(event.rows)
            case SeamRepaired():
                self.seams.labels(event.route).inc()
            case ListingEnded():
                self.listings.labels(event.route, str(event.report.complete).lower()).inc()
            case _:
                pass
