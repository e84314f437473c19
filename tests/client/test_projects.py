"""The projects that a key can use (docs/server.md, Authentication)."""

import pytest

from posthog_env_async import ConfigurationError, PermissionDeniedError, PostHogEnv
from posthog_env_async.testing import FakePostHog


async def test_projects_are_listed_with_their_ids(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.add_project(7, name="Staging")

    projects = await env.projects.list(page_size=1, prefetch=2).collect()

    assert [(project.id, project.name) for project in projects][1:] == [(7, "Staging")]
    assert [project.id for project in projects] == [1, 7]


async def test_projects_can_be_listed_before_one_is_chosen(fake: FakePostHog) -> None:
    async with PostHogEnv(api_key=fake.key, host=fake.url) as env:
        first = await env.projects.list().first()

        assert first is not None
        assert await env.for_project(first.id).persons.list().count() == 2_500


async def test_without_a_project_persons_say_how_to_find_one(fake: FakePostHog) -> None:
    async with PostHogEnv(api_key=fake.key, host=fake.url) as env:
        with pytest.raises(ConfigurationError, match=r"env\.projects\.list"):
            env.persons.list()


async def test_the_current_project_can_be_asked_for(fake: FakePostHog) -> None:
    async with PostHogEnv("@current", api_key=fake.key, host=fake.url) as env:
        persons = await env.persons.list(page_size=500).collect()

    assert len(persons) == 2_500
    assert env.project_id == "@current"


async def test_a_key_scoped_to_projects_may_not_list_them(fake: FakePostHog) -> None:
    scoped = fake.add_key(scoped_teams=[1])
    async with PostHogEnv(1, api_key=scoped, host=fake.url) as env:
        with pytest.raises(PermissionDeniedError):
            await env.projects.list().collect()
