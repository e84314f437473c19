"""One person, and everybody as CSV, in the embedded server.

See docs/server.md, Retrieve, CSV and Other person actions.
"""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from fakes import ENDPOINT_NOT_FOUND, NOT_FOUND, PERSONS, ask, bearer
from posthog_env_async.testing import FakePostHog


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


# one person


async def test_a_person_is_found_by_uuid_and_by_integer_id(http: ClientSession) -> None:
    # docs/server.md, Retrieve
    async with FakePostHog(50) as fake:
        uuid = fake.uuids()[7]
        status, person = await ask(http, fake, f"{PERSONS}{uuid}/")
        _, same = await ask(http, fake, f"{PERSONS}{person['id']}")

    assert status == 200
    assert same == person
    assert isinstance(person["id"], int)
    assert list(person) == [
        "id",
        "name",
        "distinct_ids",
        "properties",
        "created_at",
        "uuid",
        "last_seen_at",
    ]


async def test_an_inserted_person_is_found_too(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        (uuid,) = fake.insert()
        _, person = await ask(http, fake, f"{PERSONS}{uuid}/")
        _, same = await ask(http, fake, f"{PERSONS}{person['id']}/")

    assert same["uuid"] == str(uuid)


async def test_a_text_that_is_not_an_id_is_refused_with_advice(http: ClientSession) -> None:
    # docs/server.md, Retrieve
    async with FakePostHog(5) as fake:
        status, body = await ask(http, fake, f"{PERSONS}ada@example.com/")

    assert (status, body["code"]) == (400, "invalid_input")
    assert body["detail"] == (
        "The ID provided does not look like a personID. If you are using a distinctId, please use "
        "/persons?distinct_id=... instead."
    )


@pytest.mark.parametrize("item", ["4711", "0", "0197b1c2-0000-7000-8000-000000000001"])
async def test_an_unknown_person_is_not_found(item: str, http: ClientSession) -> None:
    # docs/server.md, Retrieve
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, f"{PERSONS}{item}/") == (404, NOT_FOUND)


async def test_a_deleted_and_an_orphaned_person_are_not_found(http: ClientSession) -> None:
    # docs/server.md, Paging and Retrieve
    async with FakePostHog(5) as fake:
        gone = fake.delete([0]) + fake.delete([0], orphan=True)
        answers = [await ask(http, fake, f"{PERSONS}{uuid}/") for uuid in gone]

    assert answers == [(404, NOT_FOUND)] * 2


async def test_persons_cannot_be_created(http: ClientSession) -> None:
    # docs/server.md, Other person actions
    async with (
        FakePostHog(5) as fake,
        http.post(fake.url + PERSONS, json={}, headers=bearer(fake)) as response,
    ):
        body = await response.json()

    assert (response.status, body["code"]) == (405, "method_not_allowed")
    assert body["detail"].startswith("Creating persons via this API is not allowed")


async def test_another_method_is_not_allowed(http: ClientSession) -> None:
    # docs/server.md, Errors
    async with (
        FakePostHog(5) as fake,
        http.put(fake.url + PERSONS, json={}, headers=bearer(fake)) as response,
    ):
        body = await response.json()

    assert (response.status, body["detail"]) == (405, 'Method "PUT" not allowed.')


async def test_a_person_is_deleted_once(http: ClientSession) -> None:
    # docs/server.md, Other person actions
    async with FakePostHog(5) as fake:
        url = f"{fake.url}{PERSONS}{fake.uuids()[2]}/"
        found = []
        for _ in range(2):
            async with http.delete(url, headers=bearer(fake)) as response:
                found.append((response.status, await response.read()))

        assert found[0] == (202, b"")
        assert found[1][0] == 404
        assert len(fake.uuids()) == 4


async def test_an_action_that_the_fake_does_not_serve_is_unknown_not_a_bad_id(
    http: ClientSession,
) -> None:
    # docs/server.md, Other person actions
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, f"{PERSONS}4711/emails/") == (404, ENDPOINT_NOT_FOUND)
        assert len(fake.unknown) == 1


# CSV


async def test_csv_has_the_sorted_union_of_flat_keys_and_ignores_limits(
    http: ClientSession,
) -> None:
    # docs/server.md, CSV
    async with FakePostHog(150) as fake:
        url = f"{fake.url}{PERSONS}?format=csv&limit=2&offset=5"
        async with http.get(url, headers=bearer(fake) | {"Accept": "text/csv"}) as response:
            text = (await response.read()).decode()

    lines = text.split("\r\n")
    header = lines[0].split(",")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert header == sorted(header)
    assert {"created_at", "distinct_ids.0", "id", "properties.email"} <= {*header}
    assert len(lines) == 1 + 150 + 1


async def test_csv_without_rows_is_nothing_at_all(http: ClientSession) -> None:
    # docs/server.md, CSV
    async with FakePostHog(0) as fake:
        assert await ask(http, fake, format="csv") == (200, b"")


async def test_a_long_csv_is_complete(http: ClientSession) -> None:
    # docs/server.md, CSV
    async with FakePostHog(1_100) as fake:
        _, body = await ask(http, fake, format="csv", search="example")

    assert body.count(b"\r\n") == 1_101


async def test_csv_leaves_orphans_out(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(10, orphans=range(8)) as fake:
        _, body = await ask(http, fake, format="csv")

    assert body.count(b"\r\n") == 3


async def test_a_csv_error_has_no_body_and_no_type(http: ClientSession) -> None:
    # docs/server.md, CSV
    async with (
        FakePostHog(5) as fake,
        http.get(fake.url + PERSONS, params={"format": "csv"}) as response,
    ):
        body = await response.read()

    assert (response.status, body) == (401, b"")
    assert "Content-Type" not in response.headers


async def test_one_person_as_csv_is_empty_without_a_type(http: ClientSession) -> None:
    # docs/server.md, Retrieve
    async with FakePostHog(5) as fake:
        url = f"{fake.url}{PERSONS}{fake.uuids()[0]}/?format=csv"
        async with http.get(url, headers=bearer(fake)) as response:
            body = await response.read()

    assert (response.status, body) == (200, b"")
    assert "Content-Type" not in response.headers


async def test_an_unknown_format_is_a_404(http: ClientSession) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, format="xml") == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("query", "accept", "status"),
    [
        ("?format=csv", "application/json", 406),
        ("", "text/html", 406),
        ("", "text/csv", 200),
        ("", "text/html, application/json;q=0.9", 200),
        ("", "application/*", 200),
    ],
)
async def test_accept_must_fit_the_format(
    query: str, accept: str, status: int, http: ClientSession
) -> None:
    # docs/server.md, CSV
    async with FakePostHog(5) as fake:
        headers = bearer(fake) | {"Accept": accept}
        async with http.get(fake.url + PERSONS + query, headers=headers) as response:
            assert response.status == status
