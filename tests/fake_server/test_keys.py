"""Keys, scopes and their refusals in the embedded server (docs/server.md, Authentication)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from posthog_env_async.testing import FakePostHog

PERSONS = "/api/projects/1/persons/"
OWN_KEY = "/api/personal_api_keys/@current/"


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def ask(
    http: ClientSession,
    fake: FakePostHog,
    path: str = PERSONS,
    *,
    method: str = "GET",
    auth: str | None = None,
    json: Any = None,
) -> tuple[int, Any]:
    headers = {} if auth is None else {"Authorization": auth}
    async with http.request(method, fake.url + path, headers=headers, json=json) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    ("auth", "code", "detail"),
    [
        (None, "not_authenticated", "Authentication credentials were not provided."),
        (
            "bearer phx_wrong",
            "not_authenticated",
            "Authentication credentials were not provided.",
        ),
        (
            "Bearer phx_wrong",
            "authentication_failed",
            "Personal API key found in request Authorization header is invalid.",
        ),
        (
            "Bearer phc_public",
            "authentication_failed",
            "Personal API key found in request Authorization header is invalid.",
        ),
        ("Bearer pha_unknown", "authentication_failed", "Invalid access token."),
        ("Bearer pha_old", "authentication_failed", "Access token has expired."),
    ],
)
async def test_who_is_not_known_gets_a_401(
    auth: str | None, code: str, detail: str, http: ClientSession
) -> None:
    # docs/server.md, Authentication: the scheme is case-sensitive
    async with FakePostHog(5) as fake:
        fake.add_key("pha_old", expired=True)

        status, body = await ask(http, fake, auth=auth)

    assert status == 401
    assert body == {
        "type": "authentication_error",
        "code": code,
        "detail": detail,
        "attr": None,
    }


async def test_a_401_says_how_to_authenticate(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog(5) as fake, http.get(fake.url + PERSONS) as response:
        assert response.headers["WWW-Authenticate"] == (
            f'Bearer resource_metadata="{fake.url}/.well-known/oauth-protected-resource"'
        )


async def test_a_key_may_come_in_the_query_or_in_the_body(http: ClientSession) -> None:
    # docs/server.md, Authentication: header, body, query; the first found is the only one tried
    async with FakePostHog(5) as fake:
        query, _ = await ask(http, fake, f"{PERSONS}?personal_api_key={fake.key}")
        body, _ = await ask(http, fake, PERSONS, method="POST", json={"personal_api_key": fake.key})
        first_wins, wrong = await ask(
            http,
            fake,
            f"{PERSONS}?personal_api_key={fake.key}",
            method="POST",
            json={"personal_api_key": "phx_wrong"},
        )

    assert (query, body, first_wins) == (200, 405, 401)
    assert wrong["detail"] == "Personal API key found in request body is invalid."


async def test_a_form_may_carry_the_key(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog(5) as fake:
        form = {"personal_api_key": fake.key}
        async with http.post(fake.url + PERSONS, data=form) as response:
            assert response.status == 405


async def test_a_body_that_is_not_json_contains_no_key(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        body = b'{"personal_api_key": '
        async with http.post(fake.url + PERSONS, data=body) as response:
            assert response.status == 401


async def test_a_project_secret_key_is_not_supported(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog(5) as fake:
        status, body = await ask(http, fake, auth="Bearer phs_secret")

    assert status == 403
    assert body["detail"] == "This action does not support project secret API key access"


@pytest.mark.parametrize(
    ("path", "method", "scope"),
    [
        (PERSONS, "GET", "person:read"),
        (f"{PERSONS}17/", "GET", "person:read"),
        ("/api/projects/1/persisted_folder/", "GET", "persisted_folder:read"),
        ("/api/projects/1/persisted_folder/", "POST", "persisted_folder:write"),
        ("/api/projects/1/persisted_folder/x/", "PATCH", "persisted_folder:write"),
        ("/api/projects/1/persisted_folder/x/", "PUT", "persisted_folder:write"),
        ("/api/projects/1/persisted_folder/x/", "DELETE", "persisted_folder:write"),
        ("/api/projects/1/logs/query/", "POST", "logs:read"),
        ("/api/projects/1/max_tools/create_and_query_insight/", "POST", "insight:read"),
        ("/api/projects/", "GET", "project:read"),
    ],
)
async def test_a_missing_scope_is_named(
    path: str, method: str, scope: str, http: ClientSession
) -> None:
    # docs/server.md, Authentication: 403 has the type of a 401
    async with FakePostHog(5, scopes=["cohort:write"]) as fake:
        status, body = await ask(http, fake, path, method=method, auth=f"Bearer {fake.key}")

    assert status == 403
    assert body == {
        "type": "authentication_error",
        "code": "permission_denied",
        "detail": f"API key missing required scope '{scope}'",
        "attr": None,
    }


async def test_max_needs_two_scopes(http: ClientSession) -> None:
    # docs/server.md, Max tools
    async with FakePostHog(5, scopes=["insight:read"]) as fake:
        path = "/api/projects/1/max_tools/create_and_query_insight/"
        _, body = await ask(http, fake, path, method="POST", auth=f"Bearer {fake.key}")

    assert body["detail"] == "API key missing required scope 'query:read'"


@pytest.mark.parametrize("version", ["mid", "old"])
async def test_logs_needed_another_scope_before(version: Any, http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(5, version=version, scopes=["logs:read"]) as fake:
        path = "/api/projects/1/logs/query/"
        _, body = await ask(http, fake, path, method="POST", auth=f"Bearer {fake.key}")

    assert body["detail"] == "API key missing required scope 'error_tracking:read'"


async def test_write_implies_read(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog(5, scopes=["person:write"]) as fake:
        status, _ = await ask(http, fake, auth=f"Bearer {fake.key}")

    assert status == 200


async def test_a_key_scoped_to_projects_sees_no_other(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog({1: 5, 5: 5}, scoped_teams=[1]) as fake:
        auth = f"Bearer {fake.key}"
        own, _ = await ask(http, fake, auth=auth)
        status, body = await ask(http, fake, "/api/projects/5/persons/", auth=auth)
        listed, listing = await ask(http, fake, "/api/projects/", auth=auth)

    assert (own, status, listed) == (200, 403, 403)
    assert body["detail"] == "API key does not have access to the requested project: ID 5."
    assert listing["detail"] == (
        "API keys with scoped projects are only supported on project-based endpoints."
    )


@pytest.mark.parametrize("project", ["99", "abc"])
async def test_an_unknown_project_is_named_so(project: str, http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog(5) as fake:
        path = f"/api/projects/{project}/persons/"
        status, body = await ask(http, fake, path, auth=f"Bearer {fake.key}")

    assert (status, body["detail"]) == (404, "Project not found.")


async def test_a_key_can_read_its_own_record(http: ClientSession) -> None:
    # docs/server.md, Authentication
    async with FakePostHog(5) as fake:
        key = fake.add_key(
            scopes=["person:read"], scoped_teams=[1], scoped_organizations=["o"], label="ci"
        )
        status, record = await ask(http, fake, OWN_KEY, auth=f"Bearer {key}")

    assert status == 200
    assert record["label"] == "ci"
    assert record["scopes"] == ["person:read"]
    assert record["scoped_teams"] == [1]
    assert record["scoped_organizations"] == ["o"]
    assert record["value"] is None
    assert key not in str(record)


async def test_made_up_keys_differ() -> None:
    fake = FakePostHog(1)

    keys = {fake.key, fake.add_key(), fake.add_key()}

    assert len(keys) == 3
    assert all(key.startswith("phx_") for key in keys)
    assert fake.key not in repr(fake)
