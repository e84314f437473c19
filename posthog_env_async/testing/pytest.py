"""A pytest plugin, opt in: `pytest_plugins = ["posthog_env_async.testing.pytest"]`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from posthog_env_async import Backoff, PostHogEnv

from .server import FakePostHog

__all__ = ["fake_posthog", "fake_posthog_settings", "posthog_env"]


@pytest.fixture
def fake_posthog_settings() -> Mapping[str, Any]:
    """Give the settings of `fake_posthog`; override the fixture to change them."""
    return {"persons": 100, "mode": "routes"}


@pytest.fixture
def fake_posthog(fake_posthog_settings: Mapping[str, Any]) -> Iterator[FakePostHog]:
    """Serve a `FakePostHog` for one test; a request for a route it does not have fails the test."""
    with FakePostHog(**fake_posthog_settings) as fake:
        yield fake
        unknown = [f"{asked.method} {asked.path}" for asked in fake.unknown]
    assert not unknown, f"requests for routes that PostHog does not have: {unknown}"  # noqa: S101


@pytest.fixture
async def posthog_env(fake_posthog: FakePostHog) -> AsyncIterator[PostHogEnv]:
    """Open a client of `fake_posthog` for one test; it tries again without waiting.

    Async: it needs anyio's pytest plugin, which comes with this package, or pytest-asyncio in its
    auto mode.
    """
    project = min(fake_posthog.project_ids)
    key, host = fake_posthog.key, fake_posthog.url
    patient = Backoff(base=0.0)
    async with PostHogEnv(project, api_key=key, host=host, backoff=patient, limits=None) as env:
        yield env
