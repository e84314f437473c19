"""A client from its settings to its end, and what its siblings share."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anyio
import pytest

from posthog_env_async import (
    APIConnectionError,
    ConfigurationError,
    Limit,
    PostHogEnv,
    RateLimitError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client, read, until


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=30, mode="routes") as server:
        yield server


# the client's life


async def test_a_client_that_is_not_open_says_how_to_open_it(fake: FakePostHog) -> None:
    with pytest.raises(ConfigurationError, match="async with PostHogEnv"):
        await read(client(fake))


async def test_a_client_is_opened_once(fake: FakePostHog) -> None:
    async with client(fake) as env:
        with pytest.raises(ConfigurationError, match="opened before"):
            await env.__aenter__()


async def test_a_closed_client_says_so(fake: FakePostHog) -> None:
    env = client(fake)
    async with env:
        pass

    with pytest.raises(ConfigurationError, match="closed"):
        await read(env)


async def test_closing_breaks_off_what_is_under_way(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall"))
    env = client(fake)
    caught = list[APIConnectionError]()

    async def wait_for_it() -> None:
        try:
            await read(env)
        except APIConnectionError as error:
            caught.append(error)

    with anyio.fail_after(5):
        async with env, anyio.create_task_group() as group:
            group.start_soon(wait_for_it)
            await until(lambda: fake.in_flight == 1)
            await env.aclose()

    assert "closed while" in str(caught[0])
    assert not caught[0].retryable


async def test_closing_a_sibling_closes_nothing(env: PostHogEnv) -> None:
    async with env.for_project(1) as sibling:
        await read(sibling)

    await read(env)


async def test_a_client_of_another_loop_or_thread_is_refused(env: PostHogEnv) -> None:
    def elsewhere() -> None:
        anyio.run(read, env)

    with pytest.raises(ConfigurationError, match="another event loop or thread"):
        await anyio.to_thread.run_sync(elsewhere)


async def test_the_callers_own_session_is_used_and_not_closed(fake: FakePostHog) -> None:
    async with aiohttp.ClientSession() as mine:
        async with client(fake, session=mine) as env:
            await read(env)

        assert not mine.closed


async def test_siblings_share_requests_key_and_limits(fake: FakePostHog) -> None:
    fake.add_project(2, persons=3)
    async with client(fake, limits=[Limit(2, 3600.0)]) as env:
        other = env.for_project(2)
        await read(env)
        await read(other)
        with pytest.raises(RateLimitError):
            await read(env)

    assert (env.requests, other.requests, other.project_id) == (2, 2, "2")


# its settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prefix": "teams"}, "prefix"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_connections": 0}, "max_connections"),
        ({"max_response_bytes": 0}, "max_response_bytes"),
        ({"ssl": False}, "ssl"),
        ({"api_key": "phc_public"}, "personal API key"),
        ({"host": "us.i.posthog.com"}, "takes events in"),
        ({"project_id": "1/2"}, "project_id"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"project_id": 1, "api_key": "phx_a", "host": "us", **settings}

    with pytest.raises(ConfigurationError, match=said):
        PostHogEnv(**given)


def test_a_clients_repr_shows_no_key() -> None:
    assert repr(PostHogEnv(7, api_key="phx_a")) == "PostHogEnv(7, host='https://us.posthog.com')"


def test_the_clouds_limits_are_on_by_default_at_the_cloud_only() -> None:
    cloud = PostHogEnv(1, api_key="phx_a", host="eu")
    own = PostHogEnv(1, api_key="phx_a", host="https://posthog.example.com")

    assert cloud.limiter.is_limited("persons")
    assert not own.limiter.is_limited("persons")
    assert own.host == "https://posthog.example.com"


async def test_key_host_and_project_come_from_the_environment(
    fake: FakePostHog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", fake.key)
    monkeypatch.setenv("POSTHOG_HOST", fake.url)
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "1")

    async with PostHogEnv() as env:
        page = await read(env)

    assert (env.host, env.project_id) == (fake.url, "1")
    assert len(page["results"]) == 1


def test_no_key_at_all_says_where_it_comes_from() -> None:
    with pytest.raises(ConfigurationError, match="POSTHOG_PERSONAL_API_KEY"):
        PostHogEnv(1)
