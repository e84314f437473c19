"""Where a call goes: both prefixes, redirects, a sub-path (docs/server.md, Prefixes and Hosts)."""

import warnings
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from posthog_env_async import (
    APIDeprecationWarning,
    APIStatusError,
    ConfigurationError,
    EndpointNotAvailableError,
    PostHogEnv,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client, create_folder, read


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=30, mode="routes") as server:
        yield server


async def read_twice(env: PostHogEnv) -> None:
    await read(env)
    await read(env.for_project(1))


@pytest.mark.parametrize("prefix", ["environments", "projects"])
@pytest.mark.parametrize("mode", ["routes", "rewrite", "redirect"])
@pytest.mark.filterwarnings("ignore:the server deprecates")
async def test_both_prefixes_work_in_every_mode(prefix: str, mode: Any) -> None:
    async with FakePostHog(persons=25, mode=mode) as fake:
        async with client(fake, prefix=prefix) as env:
            persons = await env.persons.list(page_size=10, prefetch=2).collect()
            folder = await env.persisted_folders.create("home", path="a")

        assert [person.uuid for person in persons] == fake.uuids()
        assert folder.path == "a"
        assert fake.unknown == []


async def test_a_server_with_projects_only_is_found_once_and_remembered() -> None:
    async with FakePostHog(persons=25, mode="projects_only") as fake, client(fake) as env:
        await env.persons.list(page_size=10).collect()
        await env.persisted_folders.create("home")

        assert env.prefix == "projects"

    assert [request.status for request in fake.requests][:2] == [404, 200]
    assert [request.path.split("/")[2] for request in fake.requests].count("environments") == 1


async def test_requests_that_went_out_before_the_prefix_was_known_find_the_other() -> None:
    async with (
        FakePostHog(persons=25, mode="projects_only", latency=0.02) as fake,
        client(fake) as env,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(8):
            tasks.start_soon(env.persons.list(page_size=10, prefetch=4).collect)

    assert [request.status for request in fake.requests].count(404) >= 8


async def test_an_endpoint_under_neither_prefix_is_not_available() -> None:
    async with (
        FakePostHog(persons=0, mode="rewrite", folders=False) as lacking,
        client(lacking) as env,
    ):
        with pytest.raises(EndpointNotAvailableError, match="mid-2026"):
            await create_folder(env)

        assert env.prefix == "environments"


async def test_an_endpoint_that_is_missing_does_not_decide_the_prefix() -> None:
    async with (
        FakePostHog(persons=3, mode="environments_only", folders=False) as fake,
        client(fake) as env,
    ):
        with pytest.raises(EndpointNotAvailableError):
            await create_folder(env)

        assert await env.persons.list().first() is not None


async def test_a_redirect_keeps_method_body_and_key_and_is_remembered() -> None:
    async with FakePostHog(persons=3, mode="redirect") as fake, client(fake) as env:
        await env.persisted_folders.create("home", path="a")
        await env.persisted_folders.create("home", path="b")

    assert [request.status for request in fake.requests] == [307, 201, 201]
    assert fake.requests[1].json()["path"] == "a"
    assert fake.requests[1].headers["Authorization"] == f"Bearer {fake.key}"
    assert fake.requests[1].method == "POST"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_origin_is_not_followed(
    env: PostHogEnv, fake: FakePostHog, status: int
) -> None:
    async with FakePostHog(persons=1) as other:
        location = f"{other.url}/api/projects/1/persons/"
        fake.faults.append(Fault(status, headers={"Location": location}, action="empty"))

        with pytest.raises(APIStatusError, match="the key is not sent") as caught:
            await read(env)

        assert caught.value.code == "redirect"
        assert other.requests == []


async def test_a_read_may_be_moved_by_a_301(env: PostHogEnv, fake: FakePostHog) -> None:
    location = {"Location": "/api/projects/1/persons/?limit=1"}
    fake.faults.append(Fault(301, headers=location, action="empty"))

    page = await read(env)

    assert len(page["results"]) == 1
    assert env.prefix == "projects"


async def test_a_write_is_not_moved_by_a_301(env: PostHogEnv, fake: FakePostHog) -> None:
    location = {"Location": "/api/projects/1/persisted_folder/"}
    fake.faults.append(Fault(301, headers=location, action="empty"))

    with pytest.raises(APIStatusError) as caught:
        await create_folder(env)

    assert caught.value.status == 301
    assert len(fake.requests) == 1


async def test_redirects_that_never_end_are_left(env: PostHogEnv, fake: FakePostHog) -> None:
    location = {"Location": "/api/environments/1/persons/"}
    fake.faults.append(Fault(307, headers=location, action="empty", times=99))

    with pytest.raises(APIStatusError, match="307"):
        await read(env)

    assert len(fake.requests) == 4


async def test_a_server_below_a_sub_path_is_reached() -> None:
    async with (
        FakePostHog(persons=25, mode="redirect", sub_path="/sub") as fake,
        client(fake) as env,
    ):
        persons = await env.persons.list(page_size=10).collect()

    assert len(persons) == 25


async def test_the_end_of_the_prefix_is_announced_once_a_client() -> None:
    async with (
        FakePostHog(persons=3, mode="rewrite") as fake,
        client(fake, prefix="environments") as env,
    ):
        with pytest.warns(APIDeprecationWarning, match="31 Jul 2026") as caught:
            await read_twice(env)

    assert len(caught) == 1


async def test_the_end_may_come_without_a_date() -> None:
    async with (
        FakePostHog(persons=3, mode="rewrite", sunset=None) as fake,
        client(fake, prefix="environments") as env,
    ):
        with pytest.warns(APIDeprecationWarning, match="a date it does not say"):
            await read(env)


@pytest.mark.parametrize("prefix", ["projects", "auto"])
async def test_the_canonical_prefix_and_auto_warn_of_nothing(prefix: str) -> None:
    async with FakePostHog(persons=3, mode="rewrite") as fake, client(fake, prefix=prefix) as env:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await read(env)


async def test_auto_goes_over_to_projects_when_the_end_of_the_other_is_announced() -> None:
    async with FakePostHog(persons=3, mode="rewrite") as fake, client(fake) as env:
        await read_twice(env)

        assert env.prefix == "projects"
    assert [request.path.split("/")[2] for request in fake.requests] == ["environments", "projects"]


async def test_environments_stays_as_long_as_the_server_has_it() -> None:
    async with (
        FakePostHog(persons=3, mode="rewrite") as fake,
        client(fake, prefix="environments") as env,
    ):
        with pytest.warns(APIDeprecationWarning):
            await read_twice(env)

        assert env.prefix == "environments"
        assert env.with_options(prefix="auto").prefix == "projects"


def test_the_prefix_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PREFIX", "projects")

    assert PostHogEnv(1, api_key="phx_a").prefix == "projects"
    assert PostHogEnv(1, api_key="phx_a", prefix="environments").prefix == "environments"


def test_an_unknown_prefix_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PREFIX", "teams")

    with pytest.raises(ConfigurationError, match="prefix must be"):
        PostHogEnv(1, api_key="phx_a")
