"""What the commands for persons, folders, logs, questions, projects and keys give."""

import json
import re
from typing import Any

import pytest

pytest.importorskip("cyclopts")

from cli_runs import on_a_real_terminal, on_a_terminal, ran
from posthog_env_async import PostHogEnv
from posthog_env_async.testing import FakePostHog


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_persons_list_gives_every_row_as_the_server_sent_it(
    fake: FakePostHog, env: PostHogEnv
) -> None:
    done = await ran(fake, "persons", "list")

    assert done.code == 0
    assert [line.encode() for line in done.lines()] == [
        row async for row in env.persons.list().rows()
    ]
    assert "2,500 persons" in done.err
    assert done.err.rstrip().endswith("complete")


async def test_persons_list_filters_by_conditions_on_properties(fake: FakePostHog) -> None:
    fake.add_person(properties={"plan": "moon", "seats": 12})
    fake.add_person(properties={"plan": "moon", "seats": 3})

    done = await ran(fake, "persons", "list", "--property", "plan=moon", "--property", "seats>=10")

    assert [person["properties"]["seats"] for person in objects(done.out)] == [12]


async def test_persons_list_filters_by_a_file(fake: FakePostHog, tmp_path: Any) -> None:
    fake.add_person(properties={"plan": "moon"})
    file = tmp_path / "filters.json"
    file.write_text('[{"key": "plan", "value": ["moon", "mars"], "operator": "exact"}]')

    done = await ran(fake, "persons", "list", "--properties-file", str(file))

    assert [person["properties"]["plan"] for person in objects(done.out)] == ["moon"]


async def test_persons_list_finds_by_search_mail_and_distinct_id(fake: FakePostHog) -> None:
    ada = str(fake.add_person(distinct_ids=["ada"], properties={"email": "ada@moon.example"}))

    found = [
        await ran(fake, "persons", "list", option, value)
        for option, value in [
            ("--search", "MOON"),
            ("--email", "ada@moon.example"),
            ("--distinct-id", "ada"),
        ]
    ]

    assert [person["uuid"] for done in found for person in objects(done.out)] == [ada] * 3


async def test_persons_get_gives_the_servers_json(fake: FakePostHog, env: PostHogEnv) -> None:
    uuid = fake.add_person(properties={"email": "ada@example.com", "odd": {"a": [1, None]}})

    done = await ran(fake, "persons", "get", str(uuid))

    assert done.code == 0
    assert objects(done.out) == [await env.request("GET", f"persons/{uuid}/")]
    assert done.out.encode().strip() == (await env.persons.get(uuid)).to_json()


async def test_persons_get_of_nobody_is_exit_code_1(fake: FakePostHog) -> None:
    done = await ran(fake, "persons", "get", "999999999", "--quiet")

    assert done.code == 1
    assert done.err.startswith("error: 404")


async def test_folders_are_created_changed_replaced_and_deleted(fake: FakePostHog) -> None:
    created = objects((await ran(fake, "folders", "create", "home", "--path", "A")).out)[0]
    folder = created["id"]
    updated = objects((await ran(fake, "folders", "update", folder, "--path", "B")).out)[0]
    replaced = objects((await ran(fake, "folders", "replace", folder, "pinned")).out)[0]
    got = objects((await ran(fake, "folders", "get", folder)).out)[0]
    listed = objects((await ran(fake, "folders", "list")).out)
    deleted = await ran(fake, "folders", "delete", folder, "--quiet")
    gone = await ran(fake, "folders", "get", folder, "--quiet")

    assert (created["path"], updated["path"], replaced["path"]) == ("A", "B", "")
    assert got["type"] == "pinned"
    assert [found["id"] for found in listed] == [folder]
    assert (deleted.code, deleted.out, gone.code) == (0, "", 1)


async def test_logs_query_gives_entries_of_a_level(fake: FakePostHog) -> None:
    done = await ran(fake, "logs", "query", "--from", "-2h", "--level", "error", "--max-items", "5")

    assert done.code == 0
    assert [entry["level"] for entry in objects(done.out)] == ["error"] * 5


async def test_logs_query_filters_by_resource(fake: FakePostHog) -> None:
    words = ("--filter", "resource:service.name=checkout", "--max-items", "3")

    done = await ran(fake, "logs", "query", *words)

    names = [entry["resource_attributes"]["service.name"] for entry in objects(done.out)]
    assert names == ["checkout"] * 3


async def test_logs_are_counted_and_described(fake: FakePostHog) -> None:
    words = ("--from", "-2h", "--level", "error")

    count = await ran(fake, "logs", "count", *words)
    entries = await ran(fake, "logs", "query", *words)
    buckets = await ran(fake, "logs", "sparkline", *words)
    services = await ran(fake, "logs", "services", *words)
    attributes = await ran(fake, "logs", "attributes", "--type", "resource", "--match", "service")
    values = await ran(fake, "logs", "values", "service.name", "--type", "resource")

    total = objects(count.out)[0]["count"]
    assert total == len(entries.lines()) > 0
    assert sum(bucket["count"] for bucket in objects(buckets.out)) == total
    assert objects(services.out)
    assert "service.name" in {row["name"] for row in objects(attributes.out)}
    assert objects(values.out)


async def test_on_a_terminal_the_sparkline_is_a_picture(fake: FakePostHog) -> None:
    code, text = await on_a_terminal(fake, "logs", "sparkline", "--from", "-2h", columns=80)

    assert code == 0
    assert "█" in text
    assert max(map(len, text.splitlines())) <= 80


async def test_the_home_folder_is_shown() -> None:
    async with FakePostHog(persons=1, mode="routes", folders=False) as fake:
        done = await ran(fake, "folders", "home")

    assert done.code == 0
    assert objects(done.out)[0]["id"]


async def test_ask_gives_the_entries_of_an_answer(fake: FakePostHog) -> None:
    done = await ran(fake, "ask", "weekly users", "--type", "funnel")

    assert done.code == 0
    answers = [entry["data"].get("answer", {}).get("kind") for entry in objects(done.out)]
    assert "FunnelsQuery" in answers


async def test_ask_is_exit_code_1_when_no_insight_could_be_made(fake: FakePostHog) -> None:
    done = await ran(fake, "ask", "the impossible")

    assert done.code == 1
    assert "ask in other words" in done.err


async def test_ask_shows_artifacts_on_a_terminal(fake: FakePostHog) -> None:
    artifact = {"type": "ai/artifact", "content": {"name": "A chart of mine"}, "id": "1"}
    fake.insights.append([{"type": "message", "data": artifact}])

    code, text = await on_a_terminal(fake, "ask", "weekly users")

    assert code == 0
    assert "A chart of mine" in text


async def test_projects_lists_what_the_key_can_use(fake: FakePostHog) -> None:
    fake.add_project(7, persons=1)

    done = await ran(fake, "projects")

    assert [project["id"] for project in objects(done.out)] == [1, 7]


async def test_key_shows_scopes_and_never_the_key(fake: FakePostHog) -> None:
    done = await ran(fake, "key")

    assert objects(done.out)[0]["label"] == "fake"


async def test_on_a_terminal_a_listing_is_a_table(fake: FakePostHog) -> None:
    fake.add_person(properties={"email": "ada@example.com"}, name="\x1b[31m[red]Ada")

    code, text = await on_a_real_terminal(fake, "persons", "list", "--quiet", columns=200)

    assert code == 0
    assert text.splitlines()[0].split()[:3] == ["uuid", "name", "email"]
    assert "\ufffd[31m[red]Ada" in text
    assert "the first 50 of more" in text


async def test_on_80_columns_a_person_shows_what_identifies_it(fake: FakePostHog) -> None:
    email = f"ada.{'lovelace' * 4}@moon.example"
    uuid = fake.add_person(properties={"email": email}, name="Ada\nof the\nMoon")

    _, text = await on_a_terminal(fake, "persons", "list", "--email", email, "--quiet")

    titles, row = text.splitlines()
    assert titles.split() == ["uuid", "email", "created"]
    assert row.startswith(f"{uuid}  ada.love")
    assert row.endswith("Z")


@pytest.mark.parametrize(
    "words",
    [
        ("persons", "list"),
        ("logs", "query"),
        ("folders", "list"),
        ("projects",),
        ("limits", "--limit", "240/60"),
        ("doctor",),
        ("key",),
    ],
)
async def test_a_table_fits_a_terminal_of_80_columns(
    fake: FakePostHog, words: tuple[str, ...]
) -> None:
    fake.add_project(987_654_321, persons=1)
    fake.add_person(properties={"email": f"{'a' * 60}@example.com"})
    await ran(fake, "folders", "create", "custom_products", "--path", "A" * 90)

    code, text = await on_a_terminal(fake, *words, columns=80)

    assert code == 0
    assert max(map(len, text.splitlines())) <= 80


async def test_a_folder_that_is_deleted_is_named(fake: FakePostHog) -> None:
    made = await ran(fake, "folders", "create", "home")
    id = json.loads(made.out)["id"]

    done = await ran(fake, "folders", "delete", id)

    assert (done.code, done.out, done.err) == (0, "", f"deleted {id}\n")


async def test_on_a_terminal_logs_are_counted_with_thousands(fake: FakePostHog) -> None:
    code, text = await on_a_terminal(fake, "logs", "count", "--from", "-2h")

    assert code == 0
    assert re.fullmatch(r"\d,\d{3}\n", text)


async def test_on_a_terminal_a_list_may_be_as_long_as_it_is_asked_to_be(fake: FakePostHog) -> None:
    _, some = await on_a_terminal(fake, "persons", "list")
    code, more = await on_a_terminal(fake, "persons", "list", "--max-items", "70")

    assert code == 0
    assert "the first 50 of more" in some
    assert "of more" not in more
    assert len(more.splitlines()) - len(some.splitlines()) >= 19
