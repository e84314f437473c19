"""The filters of persons in the embedded server (docs/server.md, Persons list and Filters)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from fakes import SERVER_ERROR, ask
from posthog_env_async.testing import FakePostHog


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def test_email_and_distinct_id_are_exact(http: ClientSession) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(300) as fake:
        _, page = await ask(http, fake, limit=300)
        row = page["results"][123]
        email, (own, anonymous) = row["properties"]["email"], row["distinct_ids"]

        for params in ({"email": email}, {"distinct_id": own}, {"distinct_id": anonymous}):
            assert (await ask(http, fake, **params))[1]["results"] == [row]
        strangers = ("user-0", "user-302", "x", f"{'0' * 36}-anon", f"{fake.insert()[0]}-x")
        for params in ({"email": email.upper()}, *({"distinct_id": text} for text in strangers)):
            assert (await ask(http, fake, **params))[1]["results"] == []


async def test_many_filters_in_turn_find_what_one_alone_finds(http: ClientSession) -> None:
    async with FakePostHog(300) as fake:
        _, everybody = await ask(http, fake, limit=300)
        emails = [row["properties"]["email"] for row in everybody["results"]]
        for _ in range(2):
            for email, row in zip(emails, everybody["results"], strict=True):
                assert (await ask(http, fake, email=email))[1]["results"] == [row]


async def test_search_finds_a_part_whatever_its_case(http: ClientSession) -> None:
    # docs/server.md, Persons list: blanks around are stripped
    async with FakePostHog(300) as fake:
        _, everybody = await ask(http, fake, limit=300)
        _, page = await ask(http, fake, search=" LOVELACE ", limit=300)

    expected = [row for row in everybody["results"] if "lovelace" in row["properties"]["email"]]
    assert page["results"] == expected
    assert len(expected) > 10


async def test_search_goes_through_thousands(http: ClientSession) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(5_000) as fake:
        for number in range(1, 40, 6):
            _, page = await ask(http, fake, search=f".{number}@")
            assert page["results"][0]["distinct_ids"][0] == f"user-{number}"


async def test_search_on_an_old_server_knows_only_email_and_complete_distinct_ids(
    http: ClientSession,
) -> None:
    # docs/server.md, Persons list
    async with FakePostHog(300, version="old") as fake:
        found = [
            len((await ask(http, fake, search=text))[1]["results"])
            for text in ("user-17", "user-1", "-anon", ".17@EXAMPLE")
        ]

    assert found == [1, 1, 0, 1]


async def test_a_filtered_list_pages_counts_and_sees_changes(http: ClientSession) -> None:
    # docs/server.md, Persons list
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
    # docs/server.md, Filters
    async with FakePostHog(200) as fake:
        _, everybody = await ask(http, fake, limit=200)
        _, page = await ask(http, fake, properties=f"[{leaf}]", limit=200)

    assert page["results"] == [row for row in everybody["results"] if test(row["properties"])]


async def test_dates_compare_as_dates(http: ClientSession) -> None:
    # docs/server.md, Filters
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
    # docs/server.md, Filters
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
    # docs/server.md, Filters
    async with FakePostHog(5) as fake:
        assert await ask(http, fake, properties=properties) == (500, SERVER_ERROR)


async def test_an_old_server_understands_groups(http: ClientSession) -> None:
    # docs/server.md, Filters
    leaves = '{"key":"plan","value":"scale"},{"key":"plan","value":"free"}'
    async with FakePostHog(200, version="old") as fake:
        _, either = await ask(http, fake, properties=f'{{"type":"OR","values":[{leaves}]}}')
        _, both = await ask(http, fake, properties=f'{{"type":"AND","values":[{leaves}]}}')

    assert {row["properties"]["plan"] for row in either["results"]} == {"scale", "free"}
    assert both["results"] == []


async def test_empty_properties_are_no_filter(http: ClientSession) -> None:
    # docs/server.md, Filters
    async with FakePostHog(5) as fake:
        _, page = await ask(http, fake, properties="")

    assert len(page["results"]) == 5
