"""The key's own record (docs/server.md, Authentication)."""

from posthog_env_async import PostHogEnv
from posthog_env_async.testing import FakePostHog


async def test_a_key_says_what_it_may_do(fake: FakePostHog) -> None:
    weak = fake.add_key(
        scopes=["person:read"], scoped_teams=[1], scoped_organizations=["o"], label="ci"
    )
    async with PostHogEnv(1, api_key=weak, host=fake.url) as env:
        info = await env.key()

    assert (info.label, info.scopes) == ("ci", ("person:read",))
    assert (info.scoped_teams, info.scoped_organizations) == ((1,), ("o",))
    assert weak not in repr(info)


async def test_a_key_can_be_read_without_a_project(fake: FakePostHog) -> None:
    async with PostHogEnv(api_key=fake.key, host=fake.url) as env:
        info = await env.key()

    assert info.scopes == ("*",)
    assert fake.requests[-1].path == "/api/personal_api_keys/@current/"


async def test_siblings_know_the_scopes_too(fake: FakePostHog) -> None:
    fake.add_project(2, persons=3)
    async with PostHogEnv(1, api_key=fake.key, host=fake.url) as env:
        await env.key()

        assert await env.for_project(2).persons.list().count() == 3
