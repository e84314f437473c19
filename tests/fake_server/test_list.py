"""The list of persons in the embedded server (docs/server.md, Persons list and Paging)."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession

from fakes import PERSONS, SERVER_ERROR, ask, bearer, uuids_by_next
from posthog_env_async.testing import FakePostHog


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


# the list


async def test_a_row_of_the_list_has_the_fields_of_a_new_server(http: ClientSession) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(5) as fake:
        _, page = await ask(http, fake)

    row = page["results"][0]
    assert set(page) == {"results", "next", "previous"}
    assert list(row) == [
        "type",
        "id",
        "uuid",
        "created_at",
        "last_seen_at",
        "properties",
        "is_identified",
        "name",
        "distinct_ids",
        "matched_recordings",
        "value_at_data_point",
    ]
    assert row["id"] == row["uuid"]


@pytest.mark.parametrize("version", ["mid", "old"])
async def test_older_servers_do_not_know_last_seen(version: Any, http: ClientSession) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(5, version=version) as fake:
        _, page = await ask(http, fake)

    assert "last_seen_at" not in page["results"][0]


async def test_following_next_gives_everybody_in_the_order_of_the_query(
    http: ClientSession,
) -> None:
    # docs/server.md, Paging
    async with FakePostHog(95) as fake:
        found = await uuids_by_next(http, fake, 10)

        assert found == fake.uuids()


async def test_a_total_that_fills_its_pages_ends_with_an_empty_one(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(20) as fake:
        _, full = await ask(http, fake, limit=10, offset=10)
        _, empty = await ask(http, fake, limit=10, offset=20)

    assert full["next"] is not None
    assert (empty["results"], empty["next"]) == ([], None)


@pytest.mark.parametrize("limit", ["", "0", None])
async def test_no_limit_means_a_hundred(limit: str | None, http: ClientSession) -> None:
    # docs/server.md, Persons list
    params = {} if limit is None else {"limit": limit}
    async with FakePostHog(150) as fake:
        _, page = await ask(http, fake, **params)

    assert len(page["results"]) == 100


@pytest.mark.parametrize("params", [{"limit": "ten"}, {"offset": "x"}, {"limit": "-1"}])
async def test_a_limit_that_is_not_a_number_is_a_500(
    params: dict[str, str], http: ClientSession
) -> None:
    # docs/server.md, Paging
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, **params) == (500, SERVER_ERROR)


async def test_a_limit_above_50_000_is_silently_cut(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(50_010) as fake:
        _, page = await ask(http, fake, limit=50_001)

    assert (len(page["results"]), page["next"]) == (50_000, None)


async def test_next_echoes_every_parameter_and_previous_is_wrong_on_page_two(
    http: ClientSession,
) -> None:
    # docs/server.md, Paging: an offset of 0 is "nothing to substitute"
    async with FakePostHog(95) as fake:
        _, page = await ask(
            http, fake, personal_api_key="phx_x", limit=10, offset=10, search="user"
        )
        url = f"{fake.url}{PERSONS}?personal_api_key=phx_x&limit=10"

    assert page["next"] == f"{url}&offset=20&search=user"
    assert page["previous"] == f"{url}&offset=10&search=user"


async def test_count_comes_when_it_is_asked_for_with_any_value(http: ClientSession) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(95) as fake:
        _, page = await ask(http, fake, include_total="false", limit=5)

    assert page["count"] == 95


async def test_orphans_make_pages_short_but_next_goes_on(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(100, orphans=range(10, 35)) as fake:
        pages = [(await ask(http, fake, limit=10, offset=at))[1] for at in (0, 10, 20, 30)]
        found = await uuids_by_next(http, fake, 10)

        assert [len(page["results"]) for page in pages] == [10, 0, 0, 5]
        assert all(page["next"] for page in pages)
        assert found == fake.uuids()


async def test_a_share_of_orphans_is_about_that_share(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(1000, orphans=0.3) as fake:
        found = await uuids_by_next(http, fake, 400)

        assert found == fake.uuids()
        assert 620 < len(found) < 780


async def test_a_capped_page_says_so_in_next_alone(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(200, page_cap=50) as fake:
        _, page = await ask(http, fake, limit=100)

    assert len(page["results"]) == 50
    assert page["next"].endswith("limit=100&offset=50")


async def test_ties_stand_in_the_other_order_inside_a_page(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(12, tie=3) as fake:
        _, page = await ask(http, fake, limit=100)
        rows = page["results"]
        keys = [(row["created_at"], row["uuid"]) for row in rows]
        expected = fake.uuids()

    assert len({created for created, _ in keys}) == 4
    assert [UUID(uuid) for _, uuid in keys[:3]] == expected[:3][::-1]
    assert {UUID(uuid) for _, uuid in keys} == {*expected}


async def test_a_server_behind_a_proxy_links_to_its_inner_address(http: ClientSession) -> None:
    # docs/server.md, Paging
    async with FakePostHog(20, internal_url="http://posthog-web:8000") as fake:
        _, page = await ask(http, fake, limit=5)

    assert page["next"] == f"http://posthog-web:8000{PERSONS}?limit=5&offset=5"


async def test_a_million_persons_end_where_they_should(http: ClientSession) -> None:
    async with FakePostHog(1_000_000) as fake:
        fake.delete([0, 999_998])
        _, page = await ask(http, fake, limit=10, offset=999_990)

    assert (len(page["results"]), page["next"]) == (8, None)
    assert page["results"][-1]["distinct_ids"][0] == "user-1"


@pytest.mark.parametrize("wanted", [1_275, 5_000, 200_000])
async def test_persons_have_about_the_size_that_was_asked_for(
    wanted: int, http: ClientSession
) -> None:
    async with FakePostHog(20, person_bytes=wanted) as fake:
        _, body = await ask(http, fake, limit=20)

    assert abs(len(json.dumps(body, separators=(",", ":"))) / 20 - wanted) < 60


async def test_a_person_is_at_least_as_large_as_it_is(http: ClientSession) -> None:
    async with FakePostHog(1, person_bytes=1) as fake:
        _, body = await ask(http, fake)

    assert "padding" not in body["results"][0]["properties"]


# odd persons


async def test_odd_persons_are_there_in_every_kind(http: ClientSession) -> None:
    # docs/server.md, Persons list and Errors
    async with FakePostHog(100, odd_persons=True) as fake:
        url = f"{fake.url}{PERSONS}?limit=100"
        async with http.get(url, headers=bearer(fake)) as response:
            text = await response.text()
            rows = (await response.json())["results"]

        singles = [await ask(http, fake, f"{PERSONS}{row['uuid']}/") for row in rows]

    assert any(row["name"] is None for row in rows)
    assert any(isinstance(row["name"], int) for row in rows)
    assert any(row["properties"] is None for row in rows)
    assert any(row["created_at"] is None for row in rows)
    assert any(row["created_at"].endswith("+00:00") for row in rows if row["created_at"])
    assert any(isinstance(row["id"], int) for row in rows)
    assert any("brand_new" in row for row in rows)
    assert any(row["distinct_ids"] == [] for row in rows)
    assert any(len(row["distinct_ids"]) == 1000 for row in rows)
    assert any((row["properties"] or {}).get("huge", 0) > 2**64 for row in rows)
    assert '"\\ud800"' in text
    assert all(isinstance(person["id"], int) for _, person in singles)


async def test_odd_persons_survive_filters_and_csv(http: ClientSession) -> None:
    async with FakePostHog(100, odd_persons=True) as fake:
        _, page = await ask(http, fake, search="example", limit=100)
        status, body = await ask(http, fake, format="csv")

    assert len(page["results"]) >= 95
    assert (status, body.count(b"\r\n")) == (200, 101)
