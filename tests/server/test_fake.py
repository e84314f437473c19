"""The embedded server speaks as SERVER.md says: persons, prefixes, projects."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession

from posthog_env_async.testing import FakePostHog

ENDPOINT_NOT_FOUND = {
    "type": "invalid_request",
    "code": "not_found",
    "detail": "Endpoint not found.",
    "attr": None,
}
NOT_FOUND = ENDPOINT_NOT_FOUND | {"detail": "Not found."}
SERVER_ERROR = {
    "type": "server_error",
    "code": "error",
    "detail": "A server error occurred.",
    "attr": None,
}
PERSONS = "/api/projects/1/persons/"


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def bearer(fake: FakePostHog) -> dict[str, str]:
    return {"Authorization": f"Bearer {fake.key}"}


async def ask(
    http: ClientSession, fake: FakePostHog, path: str = PERSONS, **params: str | int
) -> tuple[int, Any]:
    url = path if path.startswith("http") else fake.url + path
    async with http.get(url, params=params or None, headers=bearer(fake)) as response:
        kind = response.headers.get("Content-Type", "")
        return response.status, await (response.json() if "json" in kind else response.read())


async def uuids_by_next(http: ClientSession, fake: FakePostHog, limit: int) -> list[UUID]:
    found: list[UUID] = []
    link: str | None = f"{PERSONS}?limit={limit}"
    while link is not None:
        _, page = await ask(http, fake, link)
        found += [UUID(row["uuid"]) for row in page["results"]]
        link = page["next"]
    return found


# the list


async def test_a_row_of_the_list_has_the_fields_of_a_new_server(http: ClientSession) -> None:
    # SERVER.md 1.1
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
    # SERVER.md 1.1
    async with FakePostHog(5, version=version) as fake:
        _, page = await ask(http, fake)

    assert "last_seen_at" not in page["results"][0]


async def test_following_next_gives_everybody_in_the_order_of_the_query(
    http: ClientSession,
) -> None:
    # SERVER.md 1.2
    async with FakePostHog(95) as fake:
        found = await uuids_by_next(http, fake, 10)

        assert found == fake.uuids()


async def test_a_total_that_fills_its_pages_ends_with_an_empty_one(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(20) as fake:
        _, full = await ask(http, fake, limit=10, offset=10)
        _, empty = await ask(http, fake, limit=10, offset=20)

    assert full["next"] is not None
    assert (empty["results"], empty["next"]) == ([], None)


@pytest.mark.parametrize("limit", ["", "0", None])
async def test_no_limit_means_a_hundred(limit: str | None, http: ClientSession) -> None:
    # SERVER.md 1.1
    params = {} if limit is None else {"limit": limit}
    async with FakePostHog(150) as fake:
        _, page = await ask(http, fake, **params)

    assert len(page["results"]) == 100


@pytest.mark.parametrize("params", [{"limit": "ten"}, {"offset": "x"}, {"limit": "-1"}])
async def test_a_limit_that_is_no_number_is_a_500(
    params: dict[str, str], http: ClientSession
) -> None:
    # SERVER.md 1.2
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, **params) == (500, SERVER_ERROR)


async def test_a_limit_above_50_000_is_cut_in_silence(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(50_010) as fake:
        _, page = await ask(http, fake, limit=50_001)

    assert (len(page["results"]), page["next"]) == (50_000, None)


async def test_next_echoes_every_parameter_and_previous_is_wrong_on_page_two(
    http: ClientSession,
) -> None:
    # SERVER.md 1.2: an offset of 0 is "nothing to substitute"
    async with FakePostHog(95) as fake:
        _, page = await ask(
            http, fake, personal_api_key="phx_x", limit=10, offset=10, search="user"
        )
        url = f"{fake.url}{PERSONS}?personal_api_key=phx_x&limit=10"

    assert page["next"] == f"{url}&offset=20&search=user"
    assert page["previous"] == f"{url}&offset=10&search=user"


async def test_count_comes_when_it_is_asked_for_with_any_value(http: ClientSession) -> None:
    # SERVER.md 1.1
    async with FakePostHog(95) as fake:
        _, page = await ask(http, fake, include_total="false", limit=5)

    assert page["count"] == 95


async def test_orphans_make_pages_short_but_next_goes_on(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(100, orphans=range(10, 35)) as fake:
        pages = [(await ask(http, fake, limit=10, offset=at))[1] for at in (0, 10, 20, 30)]
        found = await uuids_by_next(http, fake, 10)

        assert [len(page["results"]) for page in pages] == [10, 0, 0, 5]
        assert all(page["next"] for page in pages)
        assert found == fake.uuids()


async def test_a_share_of_orphans_is_about_that_share(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(1000, orphans=0.3) as fake:
        found = await uuids_by_next(http, fake, 400)

        assert found == fake.uuids()
        assert 620 < len(found) < 780


async def test_a_capped_page_says_so_in_next_alone(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(200, page_cap=50) as fake:
        _, page = await ask(http, fake, limit=100)

    assert len(page["results"]) == 50
    assert page["next"].endswith("limit=100&offset=50")


async def test_ties_stand_in_the_other_order_inside_a_page(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(12, tie=3) as fake:
        _, page = await ask(http, fake, limit=100)
        rows = page["results"]
        keys = [(row["created_at"], row["uuid"]) for row in rows]
        expected = fake.uuids()

    assert len({created for created, _ in keys}) == 4
    assert [UUID(uuid) for _, uuid in keys[:3]] == expected[:3][::-1]
    assert {UUID(uuid) for _, uuid in keys} == {*expected}


async def test_a_server_behind_a_proxy_links_to_its_inner_address(http: ClientSession) -> None:
    # SERVER.md 1.2
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


# filters


async def test_email_and_distinct_id_are_exact(http: ClientSession) -> None:
    # SERVER.md 1.1
    async with FakePostHog(300) as fake:
        _, page = await ask(http, fake, limit=300)
        row = page["results"][123]
        email, (own, anonymous) = row["properties"]["email"], row["distinct_ids"]

        for params in ({"email": email}, {"distinct_id": own}, {"distinct_id": anonymous}):
            assert (await ask(http, fake, **params))[1]["results"] == [row]
        strangers = ("user-0", "user-302", "x", f"{'0' * 36}-anon", f"{fake.insert()[0]}-x")
        for params in ({"email": email.upper()}, *({"distinct_id": text} for text in strangers)):
            assert (await ask(http, fake, **params))[1]["results"] == []


async def test_search_finds_a_part_whatever_its_case(http: ClientSession) -> None:
    # SERVER.md 1.1: blanks around are stripped
    async with FakePostHog(300) as fake:
        _, everybody = await ask(http, fake, limit=300)
        _, page = await ask(http, fake, search=" LOVELACE ", limit=300)

    expected = [row for row in everybody["results"] if "lovelace" in row["properties"]["email"]]
    assert page["results"] == expected
    assert len(expected) > 10


async def test_search_goes_through_thousands(http: ClientSession) -> None:
    # SERVER.md 1.1
    async with FakePostHog(5_000) as fake:
        for number in range(1, 40):
            _, page = await ask(http, fake, search=f".{number}@")
            assert page["results"][0]["distinct_ids"][0] == f"user-{number}"


async def test_search_on_an_old_server_knows_only_email_and_whole_distinct_ids(
    http: ClientSession,
) -> None:
    # SERVER.md 1.1
    async with FakePostHog(300, version="old") as fake:
        found = [
            len((await ask(http, fake, search=text))[1]["results"])
            for text in ("user-17", "user-1", "-anon", ".17@EXAMPLE")
        ]

    assert found == [1, 1, 0, 1]


async def test_a_filtered_list_pages_counts_and_sees_changes(http: ClientSession) -> None:
    # SERVER.md 1.1
    async with FakePostHog(300) as fake:
        uuid = fake.add_person(properties={"email": "grace@example.com"}, name="Grace")
        _, first = await ask(http, fake, search="grace", limit=2, include_total=1)
        _, second = await ask(http, fake, first["next"])
        fake.delete([first["results"][1]["uuid"]])
        _, again = await ask(http, fake, search="grace", limit=2, include_total=1)

    assert first["results"][0]["uuid"] == str(uuid)
    assert again["results"] == [first["results"][0], second["results"][0]]
    assert again["count"] == first["count"] - 1


@pytest.mark.parametrize(
    ("leaf", "test"),
    [
        ('{"key":"plan","value":"scale"}', lambda found: found["plan"] == "scale"),
        (
            '{"key":"plan","value":["scale","free"],"operator":"exact","type":"person"}',
            lambda found: found["plan"] in ("scale", "free"),
        ),
        (
            '{"key":"plan","value":"scale","operator":"is_not"}',
            lambda found: found["plan"] != "scale",
        ),
        (
            '{"key":"email","value":"@EXAMPLE.org","operator":"icontains"}',
            lambda found: found["email"].endswith("@example.org"),
        ),
        (
            '{"key":"email","value":"org","operator":"not_icontains"}',
            lambda found: "org" not in found["email"],
        ),
        (
            '{"key":"email","value":"^ada","operator":"regex"}',
            lambda found: found["email"].startswith("ada"),
        ),
        ('{"key":"visits","value":500,"operator":"gt"}', lambda found: found["visits"] > 500),
        ('{"key":"visits","value":"500","operator":"lte"}', lambda found: found["visits"] <= 500),
        (
            '{"key":"email","value":"b","operator":"lt"}',
            lambda found: found["email"] < "b",
        ),
        ('{"key":"beta","value":["true"],"operator":"exact"}', lambda found: found["beta"]),
        ('{"key":"plan","value":"is_set","operator":"is_set"}', lambda found: True),
        ('{"key":"nope","value":"is_set","operator":"is_set"}', lambda found: False),
        ('{"key":"nope","value":"is_not_set","operator":"is_not_set"}', lambda found: True),
    ],
)
async def test_property_filters_mean_what_they_say(
    leaf: str, test: Any, http: ClientSession
) -> None:
    # SERVER.md 1.4
    async with FakePostHog(200) as fake:
        _, everybody = await ask(http, fake, limit=200)
        _, page = await ask(http, fake, properties=f"[{leaf}]", limit=200)

    assert page["results"] == [row for row in everybody["results"] if test(row["properties"])]


async def test_dates_compare_as_dates(http: ClientSession) -> None:
    # SERVER.md 1.4
    leaf = '[{{"key":"joined","value":"2026-05-01","operator":"is_date_{}"}}]'
    async with FakePostHog(0) as fake:
        for day in ("2026-04-30", "2026-05-01", "2026-05-02T10:00:00Z", "no date"):
            fake.add_person(properties={"joined": day})
        found = {
            when: [
                row["properties"]["joined"]
                for row in (await ask(http, fake, properties=leaf.format(when)))[1]["results"]
            ]
            for when in ("before", "after", "exact")
        }

    assert found == {
        "before": ["2026-04-30"],
        "after": ["2026-05-02T10:00:00Z"],
        "exact": ["2026-05-01"],
    }


async def test_properties_that_are_no_json_are_refused(http: ClientSession) -> None:
    # SERVER.md 1.4
    async with FakePostHog(5) as fake:
        answer = await ask(http, fake, properties="{not json")

    assert answer == (
        400,
        {
            "type": "validation_error",
            "code": "invalid_input",
            "detail": "Properties are unparsable!",
            "attr": None,
        },
    )


@pytest.mark.parametrize(
    "properties",
    [
        '[{"key":"plan","value":"x","operator":"resembles"}]',
        '[{"key":"plan","value":"x","colour":"red"}]',
        '[{"key":"plan","value":"x","type":"cohort"}]',
        '{"type":"AND","values":[{"key":"plan","value":"scale"}]}',
        '["plan"]',
        '"plan"',
    ],
)
async def test_malformed_properties_break_a_new_server(
    properties: str, http: ClientSession
) -> None:
    # SERVER.md 1.4
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, properties=properties) == (500, SERVER_ERROR)


async def test_an_old_server_understands_groups(http: ClientSession) -> None:
    # SERVER.md 1.4
    leaves = '{"key":"plan","value":"scale"},{"key":"plan","value":"free"}'
    async with FakePostHog(200, version="old") as fake:
        _, either = await ask(http, fake, properties=f'{{"type":"OR","values":[{leaves}]}}')
        _, both = await ask(http, fake, properties=f'{{"type":"AND","values":[{leaves}]}}')

    assert {row["properties"]["plan"] for row in either["results"]} == {"scale", "free"}
    assert both["results"] == []


async def test_empty_properties_are_no_filter(http: ClientSession) -> None:
    # SERVER.md 1.4
    async with FakePostHog(5) as fake:
        _, page = await ask(http, fake, properties="")

    assert len(page["results"]) == 5


# one person


async def test_a_person_is_found_by_uuid_and_by_integer_id(http: ClientSession) -> None:
    # SERVER.md 1.3
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


async def test_a_text_that_is_no_id_is_refused_with_advice(http: ClientSession) -> None:
    # SERVER.md 1.3
    async with FakePostHog(5) as fake:
        status, body = await ask(http, fake, f"{PERSONS}ada@example.com/")

    assert (status, body["code"]) == (400, "invalid_input")
    assert body["detail"] == (
        "The ID provided does not look like a personID. If you are using a distinctId, please use "
        "/persons?distinct_id=... instead."
    )


@pytest.mark.parametrize("item", ["4711", "0", "0197b1c2-0000-7000-8000-000000000001"])
async def test_an_unknown_person_is_not_found(item: str, http: ClientSession) -> None:
    # SERVER.md 1.3
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, f"{PERSONS}{item}/") == (404, NOT_FOUND)


async def test_a_deleted_and_an_orphaned_person_are_not_found(http: ClientSession) -> None:
    # SERVER.md 1.2, 1.3
    async with FakePostHog(5) as fake:
        gone = fake.delete([0]) + fake.delete([0], orphan=True)
        answers = [await ask(http, fake, f"{PERSONS}{uuid}/") for uuid in gone]

    assert answers == [(404, NOT_FOUND)] * 2


async def test_persons_cannot_be_created(http: ClientSession) -> None:
    # SERVER.md 1.7
    async with (
        FakePostHog(5) as fake,
        http.post(fake.url + PERSONS, json={}, headers=bearer(fake)) as response,
    ):
        body = await response.json()

    assert (response.status, body["code"]) == (405, "method_not_allowed")
    assert body["detail"].startswith("Creating persons via this API is not allowed")


async def test_another_method_is_not_allowed(http: ClientSession) -> None:
    # SERVER.md 6
    async with (
        FakePostHog(5) as fake,
        http.put(fake.url + PERSONS, json={}, headers=bearer(fake)) as response,
    ):
        body = await response.json()

    assert (response.status, body["detail"]) == (405, 'Method "PUT" not allowed.')


async def test_a_person_is_deleted_once(http: ClientSession) -> None:
    # SERVER.md 1.7
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
    # SERVER.md 1.7
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, f"{PERSONS}cohorts/") == (404, ENDPOINT_NOT_FOUND)
        assert len(fake.unknown) == 1


# CSV


async def test_csv_has_the_sorted_union_of_flat_keys_and_ignores_limits(
    http: ClientSession,
) -> None:
    # SERVER.md 1.5
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
    # SERVER.md 1.5
    async with FakePostHog(0) as fake:
        assert await ask(http, fake, format="csv") == (200, b"")


async def test_a_long_csv_is_whole(http: ClientSession) -> None:
    # SERVER.md 1.5
    async with FakePostHog(1_100) as fake:
        _, body = await ask(http, fake, format="csv", search="example")

    assert body.count(b"\r\n") == 1_101


async def test_csv_leaves_orphans_out(http: ClientSession) -> None:
    # SERVER.md 1.2
    async with FakePostHog(10, orphans=range(8)) as fake:
        _, body = await ask(http, fake, format="csv")

    assert body.count(b"\r\n") == 3


async def test_a_csv_error_has_no_body_and_no_type(http: ClientSession) -> None:
    # SERVER.md 1.5
    async with (
        FakePostHog(5) as fake,
        http.get(fake.url + PERSONS, params={"format": "csv"}) as response,
    ):
        body = await response.read()

    assert (response.status, body) == (401, b"")
    assert "Content-Type" not in response.headers


async def test_one_person_as_csv_is_empty_without_a_type(http: ClientSession) -> None:
    # SERVER.md 1.3
    async with FakePostHog(5) as fake:
        url = f"{fake.url}{PERSONS}{fake.uuids()[0]}/?format=csv"
        async with http.get(url, headers=bearer(fake)) as response:
            body = await response.read()

    assert (response.status, body) == (200, b"")
    assert "Content-Type" not in response.headers


async def test_an_unknown_format_is_a_404(http: ClientSession) -> None:
    # SERVER.md 1.1
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
    # SERVER.md 1.5
    async with FakePostHog(5) as fake:
        headers = bearer(fake) | {"Accept": accept}
        async with http.get(fake.url + PERSONS + query, headers=headers) as response:
            assert response.status == status


# prefixes


async def test_a_rewritten_call_carries_three_headers_and_links_to_projects(
    http: ClientSession,
) -> None:
    # SERVER.md 0
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
    # SERVER.md 0
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
    # SERVER.md 0
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
    # SERVER.md 0
    async with FakePostHog(50, mode="routes") as fake:
        url = f"{fake.url}/api/environments/1/persons/?limit=10"
        async with http.get(url, headers=bearer(fake)) as response:
            page = await response.json()

    assert "Deprecation" not in response.headers
    assert page["next"] == f"{url}&offset=10"


async def test_a_redirect_keeps_the_query(http: ClientSession) -> None:
    # SERVER.md 0
    async with FakePostHog(5, mode="redirect") as fake:
        url = f"{fake.url}/api/environments/1/persons/?limit=10"
        async with http.get(url, headers=bearer(fake), allow_redirects=False) as response:
            assert response.headers["Location"] == "/api/projects/1/persons/?limit=10"


async def test_a_server_may_live_under_a_sub_path(http: ClientSession) -> None:
    # SERVER.md 7
    async with FakePostHog(20, sub_path="/analytics") as fake:
        assert fake.url.endswith("/analytics")
        _, page = await ask(http, fake, limit=5)
        status, _ = await ask(http, fake, fake.url.removesuffix("/analytics") + PERSONS)

        assert page["next"] == f"{fake.url}{PERSONS}?limit=5&offset=5"
        assert status == 404


async def test_an_unknown_route_is_a_loud_404_and_remembered(http: ClientSession) -> None:
    # SERVER.md 0, 6
    async with FakePostHog(5) as fake:
        for path in ("/api/environments/1/dashboards/", "/api/projects/1/person/", "/"):
            assert await ask(http, fake, path) == (404, ENDPOINT_NOT_FOUND)

        assert [call.path for call in fake.unknown] == [
            "/api/environments/1/dashboards/",
            "/api/projects/1/person/",
            "/",
        ]


async def test_at_current_is_a_project_too(http: ClientSession) -> None:
    # SERVER.md 0
    async with FakePostHog({4: 3, 9: 2}) as fake:
        _, page = await ask(http, fake, "/api/projects/@current/persons/", include_total=1)

    assert page["count"] == 3


# projects


async def test_projects_are_a_standard_page(http: ClientSession) -> None:
    # SERVER.md 5
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
    # SERVER.md 2
    async with FakePostHog({1: 3, 2: 2}) as fake:
        _, page = await ask(http, fake, "/api/projects/", limit="x", offset=-1)

    assert len(page["results"]) == 2


# odd persons, sizes, records


async def test_odd_persons_are_there_in_every_kind(http: ClientSession) -> None:
    # SERVER.md 1.1, 6
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
