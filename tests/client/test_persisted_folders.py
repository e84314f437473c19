"""Persisted folders: an upsert, a partial and a whole change, and servers without.

See docs/server.md, Persisted folders.
"""

from typing import Any
from uuid import UUID, uuid4

import pytest

from posthog_env_async import (
    ConfigurationError,
    EndpointNotAvailableError,
    NotFoundError,
    PersistedFolder,
    PostHogEnv,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault

Folders = list[PersistedFolder]


async def test_a_folder_is_created_and_got(env: PostHogEnv) -> None:
    made = await env.persisted_folders.create("home", protocol="x://", path="a/b")

    got = await env.persisted_folders.get(made.id)

    assert got == made
    assert isinstance(made.id, UUID)
    assert (made.type, made.protocol, made.path) == ("home", "x://", "a/b")
    assert made.created_at is not None


async def test_creating_twice_overwrites_and_keeps_the_id(env: PostHogEnv) -> None:
    first = await env.persisted_folders.create("home", path="a")

    second = await env.persisted_folders.create("home")

    assert (second.id, second.path) == (first.id, "")


async def test_a_creation_sends_every_field(env: PostHogEnv, fake: FakePostHog) -> None:
    await env.persisted_folders.create("home")

    assert fake.requests[-1].json() == {"type": "home", "protocol": "products://", "path": ""}


async def test_an_update_leaves_the_other_fields(env: PostHogEnv, fake: FakePostHog) -> None:
    made = await env.persisted_folders.create("home", protocol="x://", path="a")

    changed = await env.persisted_folders.update(str(made.id), path="b")

    assert (changed.id, changed.protocol, changed.path) == (made.id, "x://", "b")
    assert fake.requests[-1].json() == {"path": "b"}
    assert fake.requests[-1].method == "PATCH"


async def test_an_update_can_empty_a_path(env: PostHogEnv) -> None:
    made = await env.persisted_folders.create("home", path="a")

    assert (await env.persisted_folders.update(made.id, path="")).path == ""


async def test_a_replacement_changes_all(env: PostHogEnv, fake: FakePostHog) -> None:
    made = await env.persisted_folders.create("home", protocol="x://", path="a")

    changed = await env.persisted_folders.replace(made.id, type="pinned")

    assert (changed.type, changed.protocol, changed.path) == ("pinned", "products://", "")
    assert fake.requests[-1].method == "PUT"


async def test_a_deleted_folder_is_gone(env: PostHogEnv) -> None:
    made = await env.persisted_folders.create("home")

    await env.persisted_folders.delete(made.id)

    assert await env.persisted_folders.list().collect() == []
    with pytest.raises(NotFoundError):
        await env.persisted_folders.get(made.id)


async def test_folders_are_listed_by_type(env: PostHogEnv) -> None:
    for type_ in ("pinned", "home", "custom_products"):
        await env.persisted_folders.create(type_)

    folders = await env.persisted_folders.list(page_size=1).collect()

    assert [folder.type for folder in folders] == ["custom_products", "home", "pinned"]


async def test_folders_are_counted_by_the_server(env: PostHogEnv, fake: FakePostHog) -> None:
    await env.persisted_folders.create("home")

    assert await env.persisted_folders.list().count() == 1
    assert "include_total" not in fake.requests[-1].query


async def test_folders_belong_to_the_owner_of_the_key(env: PostHogEnv, fake: FakePostHog) -> None:
    made = await env.persisted_folders.create("home")
    other = fake.add_key(user=8)
    async with PostHogEnv(1, api_key=other, host=fake.url) as stranger:
        with pytest.raises(NotFoundError):
            await stranger.persisted_folders.get(made.id)

        assert await stranger.persisted_folders.list().first() is None


async def test_a_type_of_a_later_server_is_read(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(200, body={"id": str(uuid4()), "type": "new", "surface": 1}))

    folder = await env.persisted_folders.get(uuid4())

    assert (folder.type, folder.extra) == ("new", {"surface": 1})


async def test_a_server_without_folders_says_which_have_them() -> None:
    async with (
        FakePostHog(persons=0, mode="routes", folders=False) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        with pytest.raises(EndpointNotAvailableError, match="home_folder"):
            await env.persisted_folders.list().collect()


async def test_changing_the_type_onto_a_taken_one_is_the_servers_500(env: PostHogEnv) -> None:
    await env.persisted_folders.create("home")
    pinned = await env.persisted_folders.create("pinned")

    with pytest.raises(ServerError):
        await env.persisted_folders.update(pinned.id, type="home")


@pytest.mark.parametrize("id_", ["home", "", "../persons", 7, "0197b1c2/../x"])
async def test_an_id_is_a_uuid(env: PostHogEnv, fake: FakePostHog, id_: Any) -> None:
    with pytest.raises(ConfigurationError, match="UUID"):
        await env.persisted_folders.delete(id_)

    assert fake.requests == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": ""}, "type"),
        ({"type": 7}, "type"),
        ({"type": "home", "protocol": "x" * 65}, "64"),
        ({"type": "home", "path": None}, "path"),
    ],
)
async def test_a_field_that_cannot_be_is_refused(
    env: PostHogEnv, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await env.persisted_folders.create(**fields)


@pytest.mark.parametrize("page_size", [0, 10_001])
async def test_a_page_size_is_checked(env: PostHogEnv, page_size: int) -> None:
    with pytest.raises(ConfigurationError, match="page_size"):
        env.persisted_folders.list(page_size=page_size)
