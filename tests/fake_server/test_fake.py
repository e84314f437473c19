"""The embedded server speaks as docs/server.md says: prefixes, projects, records."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from fakes import ENDPOINT_NOT_FOUND, PERSONS, ask, bearer, uuids_by_next
from posthog_env_async.testing import FakePostHog


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


# prefixes


async def test_a_rewritten_call_carries_three_headers_and_links_to_projects(
    http: ClientSession,
) -> None:
    # docs/server.md, Prefixes
    async with FakePostHog(50) as fake:
        url = f"{fake.url}/api/environments/1/persons/?limit=10"
        async with http.get(url, headers=bearer(fake)) as response:
            page = await response.json()

    assert response.status == 200
    assert response.headers["Deprecation"] == "true"
    assert response.headers["Link"] == (
        '</api/projects/1/persons/?limit=10>; rel="successor-version"'
    )
    assert response.headers["Sunset"] == "Fri, 31 Jul 2026 00:00:00 GMT"
    assert "/api/projects/1/persons/" in page["next"]


async def test_an_error_of_a_rewritten_call_carries_them_too_but_for_an_empty_sunset(
    http: ClientSession,
) -> None:
    # docs/server.md, Prefixes
    async with (
        FakePostHog(5, sunset=None) as fake,
        http.get(f"{fake.url}/api/environments/1/persons/") as response,
    ):
        assert response.status == 401

    assert response.headers["Deprecation"] == "true"
    assert "Sunset" not in response.headers


@pytest.mark.parametrize(
    ("mode", "environments", "projects"),
    [
        ("rewrite", 200, 200),
        ("routes", 200, 200),
        ("redirect", 307, 200),
        ("projects_only", 404, 200),
        ("environments_only", 200, 404),
    ],
)
async def test_each_mode_serves_its_prefixes(
    mode: Any, environments: int, projects: int, http: ClientSession
) -> None:
    # docs/server.md, Prefixes
    async with FakePostHog(5, mode=mode) as fake:
        statuses = {}
        for prefix in ("environments", "projects"):
            url = f"{fake.url}/api/{prefix}/1/persons/"
            async with http.get(url, headers=bearer(fake), allow_redirects=False) as response:
                statuses[prefix] = response.status
        unknown = fake.unknown

    assert statuses == {"environments": environments, "projects": projects}
    assert unknown == []


async def test_real_routes_link_to_themselves_and_warn_of_nothing(http: ClientSession) -> None:
    # docs/server.md, Prefixes
    async with FakePostHog(50, mode="routes") as fake:
        url = f"{fake.url}/api/environments/1/persons/?limit=10"
        async with http.get(url, headers=bearer(fake)) as response:
            page = await response.json()

    assert "Deprecation" not in response.headers
    assert page["next"] == f"{url}&offset=10"


async def test_a_redirect_keeps_the_query(http: ClientSession) -> None:
    # docs/server.md, Prefixes
    async with FakePostHog(5, mode="redirect") as fake:
        url = f"{fake.url}/api/environments/1/persons/?limit=10"
        async with http.get(url, headers=bearer(fake), allow_redirects=False) as response:
            assert response.headers["Location"] == "/api/projects/1/persons/?limit=10"


async def test_a_server_may_live_under_a_sub_path(http: ClientSession) -> None:
    # docs/server.md, Hosts
    async with FakePostHog(20, sub_path="/analytics") as fake:
        assert fake.url.endswith("/analytics")
        _, page = await ask(http, fake, limit=5)
        status, _ = await ask(http, fake, fake.url.removesuffix("/analytics") + PERSONS)

        assert page["next"] == f"{fake.url}{PERSONS}?limit=5&offset=5"
        assert status == 404


async def test_an_unknown_route_is_a_loud_404_and_remembered(http: ClientSession) -> None:
    # docs/server.md, Prefixes and Errors
    async with FakePostHog(5) as fake:
        for path in ("/api/environments/1/dashboards/", "/api/projects/1/person/", "/"):
            assert await ask(http, fake, path) == (404, ENDPOINT_NOT_FOUND)

        assert [call.path for call in fake.unknown] == [
            "/api/environments/1/dashboards/",
            "/api/projects/1/person/",
            "/",
        ]


async def test_at_current_is_a_project_too(http: ClientSession) -> None:
    # docs/server.md, Prefixes
    async with FakePostHog({4: 3, 9: 2}) as fake:
        _, page = await ask(http, fake, "/api/projects/@current/persons/", include_total=1)

    assert page["count"] == 3


# projects


async def test_projects_are_a_standard_page(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog({1: 3, 2: 2, 3: 0}) as fake:
        _, page = await ask(http, fake, "/api/projects/", limit=2)
        _, rest = await ask(http, fake, page["next"])
        _, one = await ask(http, fake, "/api/projects/2/")

        assert page["count"] == 3
        assert page["next"] == f"{fake.url}/api/projects/?limit=2&offset=2"
        assert [row["id"] for row in page["results"] + rest["results"]] == [1, 2, 3]
        assert rest["previous"] == f"{fake.url}/api/projects/?limit=2"
        assert one == page["results"][1]


async def test_a_bad_limit_of_a_standard_page_is_ignored(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog({1: 3, 2: 2}) as fake:
        _, page = await ask(http, fake, "/api/projects/", limit="x", offset=-1)

    assert len(page["results"]) == 2


# records, sizes, its life


async def test_requests_are_recorded_as_they_were_sent(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        await ask(http, fake, limit=3, search="a b")
        async with http.post(f"{fake.url}/api/projects/1/logs/query/", json={"query": 1}):
            pass
        first, second = fake.requests

    assert (first.method, first.path, first.status) == ("GET", PERSONS, 200)
    assert first.query == {"limit": "3", "search": "a b"}
    assert first.headers["authorization"] == f"Bearer {fake.key}"
    assert (first.body, first.json()) == (b"", None)
    assert (second.status, second.json()) == (401, {"query": 1})
    assert first.at <= second.at
    assert fake.key not in repr(fake.requests)


async def test_gzip_is_used_when_both_sides_want_it(http: ClientSession) -> None:
    async with FakePostHog(500, gzip=True) as fake:
        async with http.get(fake.url + PERSONS, headers=bearer(fake)) as response:
            packed = await response.json()
        plain_headers = bearer(fake) | {"Accept-Encoding": "identity"}
        async with http.get(fake.url + PERSONS, headers=plain_headers) as plain:
            assert packed == await plain.json()

    assert response.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers


async def test_a_fake_that_does_not_run_has_no_address() -> None:
    fake = FakePostHog(1)

    with pytest.raises(RuntimeError, match="does not run"):
        print(fake.url)  # noqa: T201 - the property raises


async def test_a_fake_can_be_closed_twice_and_started_again(http: ClientSession) -> None:
    fake = FakePostHog(3)
    async with fake:
        await fake.aclose()
    async with fake:
        status, _ = await ask(http, fake)

    assert status == 200


async def test_two_fakes_run_side_by_side(http: ClientSession) -> None:
    async with FakePostHog(3, seed=1) as one, FakePostHog(4, seed=2) as two:
        found = [await uuids_by_next(http, fake, 2) for fake in (one, two)]

        assert found == [one.uuids(), two.uuids()]
