"""Metrics in a registry of their own."""

import pytest

prometheus_client = pytest.importorskip(
    "prometheus_client", reason="the extra prometheus is not installed"
)

from listings import read_while_rows_vanish
from posthog_env_async import ConfigurationError, Limit
from posthog_env_async.integrations.prometheus import observer
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client, read

ROUTE = "/api/environments/{project_id}/persons/"


async def test_attempts_retries_waits_and_bytes_are_counted(fake: FakePostHog) -> None:
    registry = prometheus_client.CollectorRegistry()
    fake.faults.append(Fault(503))
    fake.faults.append(Fault(action="reset"))
    watch = observer(registry=registry)
    async with client(fake, observer=watch, limits=[Limit(3, 0.1)]) as env:
        await read(env)
        await read(env)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"posthog_env_{name}", {"route": ROUTE, **labels})

    assert value("requests_total", method="GET", status="200") == 2
    assert value("requests_total", method="GET", status="503") == 1
    assert value("requests_total", method="GET", status="APIConnectionError") == 1
    assert value("retries_total", error="ServerError") == 1
    assert value("request_seconds_count", method="GET") == 4
    assert (value("response_bytes_total") or 0) > 100
    waited = registry.get_sample_value(
        "posthog_env_limit_wait_seconds_total", {"budget": "default"}
    )
    assert (waited or 0) > 0


async def test_repaired_seams_and_verdicts_are_counted(fake: FakePostHog) -> None:
    registry = prometheus_client.CollectorRegistry()
    async with client(fake, observer=observer(registry=registry)) as env:
        await read_while_rows_vanish(env, fake)

    route = {"route": ROUTE}
    ended = {**route, "complete": "true"}
    assert (registry.get_sample_value("posthog_env_seams_repaired_total", route) or 0) > 0
    assert registry.get_sample_value("posthog_env_listings_total", ended) == 1


def test_one_observer_a_registry() -> None:
    registry = prometheus_client.CollectorRegistry()
    observer(registry=registry)

    with pytest.raises(ConfigurationError, match="hand one observer to all clients"):
        observer(registry=registry)
