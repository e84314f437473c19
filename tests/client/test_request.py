"""Any endpoint below the project: `env.request` and `env.listing`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs
import pytest

from posthog_env_async import (
    ConfigurationError,
    EndpointNotAvailableError,
    Listing,
    MissingScopeError,
    NotFoundError,
    PaginationError,
    PersistedFolder,
    Person,
    PostHogEnv,
    ResponseDecodeError,
)
from posthog_env_async.testing import FakePostHog, Fault


@attrs.frozen
class Row:
    """A model of the caller's own."""

    uuid: UUID
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen
class Nameless:
    """A model without an id."""

    name: str


async def test_any_json_comes_back_decoded(env: PostHogEnv, fake: FakePostHog) -> None:
    page = await env.request("get", "/persons", params={"limit": 2, "search": None, "x": True})

    assert len(page["results"]) == 2
    assert fake.requests[-1].query == {"limit": "2", "x": "true"}
    assert fake.requests[-1].path == "/api/environments/1/persons/"


async def test_a_body_is_sent_as_json(env: PostHogEnv, fake: FakePostHog) -> None:
    body = {"type": "home", "protocol": "x://", "path": "ä"}

    made = await env.request("POST", "persisted_folder/", json=body)

    assert made["path"] == "ä"
    assert fake.requests[-1].json() == body


@pytest.mark.parametrize("scope", ["cohort:write", ["person:read", "cohort:write"]])
async def test_a_scope_is_checked_once_the_key_is_known(fake: FakePostHog, scope: Any) -> None:
    weak = fake.add_key(scopes=["person:read", "cohort:read"])
    async with PostHogEnv(1, api_key=weak, host=fake.url) as env:
        await env.key()
        with pytest.raises(MissingScopeError) as caught:
            await env.request("POST", "cohorts/", json={}, scope=scope)

    assert caught.value.scope == "cohort:write"
    assert len(fake.requests) == 1


@pytest.mark.parametrize("path", ["", "..", "../2/persons", "persons/../..", "persons?x=1", "a//b"])
async def test_a_path_cannot_leave_the_project(
    env: PostHogEnv, fake: FakePostHog, path: str
) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        await env.request("GET", path)

    assert fake.requests == []


async def test_a_path_is_quoted(env: PostHogEnv, fake: FakePostHog) -> None:
    with pytest.raises(EndpointNotAvailableError):
        await env.request("GET", "widgets/ä;%2e%2e/")

    assert fake.requests[0].path.endswith("/widgets/%C3%A4%3B%252e%252e/")


@pytest.mark.parametrize("name", ["personal_api_key", "token", "api_key"])
async def test_no_key_goes_into_the_query(env: PostHogEnv, name: str) -> None:
    with pytest.raises(ConfigurationError, match="header only"):
        await env.request("GET", "persons/", params={name: "x"})


async def test_half_a_character_does_not_go_into_the_query(env: PostHogEnv) -> None:
    with pytest.raises(ConfigurationError, match="surrogate"):
        await env.request("GET", "persons/", params={"search": "\ud800"})


async def test_a_method_is_one_of_http(env: PostHogEnv) -> None:
    with pytest.raises(ConfigurationError, match="method"):
        await env.request("FETCH", "persons/")


async def test_an_endpoint_that_does_not_exist_is_asked_for_under_both_prefixes(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    with pytest.raises(EndpointNotAvailableError):
        await env.request("GET", "widgets/")

    assert [request.path.split("/")[2] for request in fake.requests] == ["environments", "projects"]


async def test_an_object_that_does_not_exist_is_not_found(env: PostHogEnv) -> None:
    with pytest.raises(NotFoundError) as caught:
        await env.request("GET", "persons/999999/")

    assert not isinstance(caught.value, EndpointNotAvailableError)


async def test_a_listing_of_any_endpoint_gives_plain_dicts(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing: Listing[Any] = env.listing("persons/", page_size=400, prefetch=2, scope="person:read")

    rows = await listing.collect()

    assert [UUID(row["uuid"]) for row in rows] == fake.uuids()


async def test_a_listing_makes_models_of_the_callers_own(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = await env.listing("persons", model=Row, page_size=1000).collect()

    assert [row.uuid for row in rows] == fake.uuids()
    assert rows[0].extra["type"] == "person"


async def test_a_listing_takes_a_model_of_ours(env: PostHogEnv) -> None:
    made = await env.persisted_folders.create("home")

    assert await env.listing("persisted_folder/", model=PersistedFolder).collect() == [made]


async def test_a_listing_takes_persons_as_the_list_of_persons_does(env: PostHogEnv) -> None:
    found = await env.listing("persons/", model=Person, page_size=1000).collect()

    assert found == await env.persons.list().collect()


async def test_a_model_without_an_id_is_known_by_all_of_it(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = [{"name": "a"}, {"name": "b"}, {"name": "a"}]
    fake.faults.append(Fault(200, body={"results": rows, "next": None}))

    items = await env.listing("persons/", model=Nameless).collect()

    assert items == [Nameless("a"), Nameless("b")]


async def test_a_listing_sends_its_parameters_with_every_page(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    listing = env.listing("persons/", page_size=1000, search="ada", deep=None)
    await listing.collect()

    assert {request.query["search"] for request in fake.requests} == {"ada"}
    assert not any("deep" in request.query for request in fake.requests)


async def test_a_listing_counts_where_the_server_does(env: PostHogEnv) -> None:
    assert await env.listing("persisted_folder/").count() == 0


async def test_a_listing_does_not_count_where_the_server_does_not(env: PostHogEnv) -> None:
    with pytest.raises(PaginationError, match="does not count"):
        await env.listing("persons/").count()


async def test_an_endpoint_that_does_not_page_is_an_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(200, body=[1, 2]))

    with pytest.raises(ResponseDecodeError, match="not a page"):
        await env.listing("persons/").collect()


async def test_an_endpoint_that_pages_by_cursor_is_an_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(200, body={"results": [{"id": 1}], "next": "/x/?cursor=abc"}))

    with pytest.raises(PaginationError, match="does not page by offset"):
        await env.listing("persons/").collect()


@pytest.mark.parametrize(("name", "number"), [("offset", -1), ("max_items", -1), ("prefetch", 1.5)])
async def test_a_number_that_is_none_is_refused(env: PostHogEnv, name: str, number: Any) -> None:
    numbers: dict[str, Any] = {name: number}

    with pytest.raises(ConfigurationError, match=name):
        env.listing("persons/", **numbers)
