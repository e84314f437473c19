"""Persons are looked up, changed and deleted from the command line; cohorts and their persons."""

import csv
import json
import os
import pty
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import pytest

pytest.importorskip("cyclopts")

from cli_runs import COMMAND, Ran, environment, on_a_terminal, ran
from posthog_env_async.testing import FakePostHog


def rows(done: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.lines()]


@pytest.fixture
def ada(fake: FakePostHog) -> UUID:
    email = {"email": "ada@moon.example", "plan": "moon"}
    return fake.add_person(distinct_ids=["ada", "ada-2"], properties=email)


async def test_lookup_gives_a_line_for_each_value_in_order(fake: FakePostHog, ada: UUID) -> None:
    done = await ran(fake, "persons", "lookup", "nobody", "ada", "ada")

    assert done.code == 0
    assert [(row["value"], row["found"]) for row in rows(done)] == [
        ("nobody", False),
        ("ada", True),
        ("ada", True),
    ]
    assert rows(done)[1]["person"]["uuid"] == str(ada)
    assert rows(done)[1]["person"]["properties"]["plan"] == "moon"
    assert done.err.splitlines() == ["3 looked up · 2 found · 1 unknown"]


async def test_lookup_of_five_hundred_takes_three_requests(
    fake: FakePostHog, tmp_path: Path
) -> None:
    uuids = [str(uuid) for uuid in fake.uuids()[:500]]
    (tmp_path / "ids.txt").write_text("\n".join(uuids))

    done = await ran(fake, "persons", "lookup", "--by", "uuid", "--from", "ids.txt", cwd=tmp_path)

    assert [row["person"]["uuid"] for row in rows(done)] == uuids
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "\ufeffada@moon.example\n\n"),
        ("a.ndjson", '{"properties": {"email": "ada@moon.example"}}\n'),
        ("a.csv", "uuid,properties.email\n1,ada@moon.example\n"),
    ],
)
async def test_lookup_takes_values_of_text_persons_and_columns(
    fake: FakePostHog, ada: UUID, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)

    done = await ran(fake, "persons", "lookup", "--by", "email", "--from", name, cwd=tmp_path)

    assert [row["person"]["uuid"] for row in rows(done)] == [str(ada)]


async def test_lookup_by_uuid_takes_persons_as_they_were_listed(
    fake: FakePostHog, ada: UUID, tmp_path: Path
) -> None:
    (tmp_path / "a.ndjson").write_text(f'{{"uuid": "{ada}", "name": "Ada"}}\n')

    done = await ran(fake, "persons", "lookup", "--by", "uuid", "--from", "a.ndjson", cwd=tmp_path)

    assert [(row["value"], row["found"]) for row in rows(done)] == [(str(ada), True)]


async def test_lookup_reads_stdin_and_writes_csv(fake: FakePostHog, ada: UUID) -> None:
    words = ("persons", "lookup", "--from", "-", "--format", "csv", "--quiet")

    done = await ran(fake, *words, stdin=b"ada\nnobody\n")

    titles, found, unknown = csv.reader(done.lines())
    assert titles[:5] == ["value", "found", "uuid", "name", "email"]
    assert found[:3] == ["ada", "true", str(ada)]
    assert unknown == ["nobody", "false"]


@pytest.mark.parametrize("text", ['{"id": 1}\n', "\xff\n"])
async def test_a_file_without_values_is_refused_and_not_quoted(
    fake: FakePostHog, tmp_path: Path, text: str
) -> None:
    (tmp_path / "ids.ndjson").write_bytes(text.encode("latin-1"))

    done = await ran(fake, "persons", "lookup", "--from", "ids.ndjson", cwd=tmp_path)

    assert done.code == 2
    assert "--from" in done.err
    assert text.strip() not in done.err


async def test_a_change_is_accepted_and_waited_for(fake: FakePostHog, ada: UUID) -> None:
    words = ("persons", "update", str(ada), "plan=mars", "seats=12")

    accepted = await ran(fake, *words)
    done = await ran(fake, "persons", "set", str(ada), "seats", "13", "--wait", "10s")
    unset = await ran(fake, "persons", "unset", str(ada), "plan", "--wait", "10")
    got = await ran(fake, "persons", "get", str(ada))

    assert (accepted.code, done.code, unset.code) == (0, 0, 0)
    assert "the server makes the change later" in accepted.err
    assert "the change shows" in done.err
    assert rows(got)[0]["properties"]["seats"] == 13
    assert "plan" not in rows(got)[0]["properties"]


async def test_a_person_is_split(fake: FakePostHog, ada: UUID) -> None:
    words = ("persons", "split", str(ada), "--distinct-id", "ada-2", "--wait", "10")

    done = await ran(fake, *words)

    assert done.code == 0
    assert "the change shows" in done.err


@pytest.mark.parametrize(
    "words",
    [("persons", "lookup"), ("erase", "persons", "--by", "uuid", "--ledger", "ledger.ndjson")],
)
async def test_stdin_gives_the_key_or_the_values_and_never_both(
    fake: FakePostHog, tmp_path: Path, words: tuple[str, ...]
) -> None:
    more = ("--from", "-", "--key-file", "-")

    done = await ran(fake, *words, *more, cwd=tmp_path, stdin=f"{fake.key}\n".encode())

    assert done.code == 2
    assert "cannot both read stdin" in done.err
    assert fake.requests == []


@pytest.mark.parametrize(
    "words",
    [
        ("persons", "lookup"),
        ("persons", "update", "1"),
        ("persons", "update", "1", "plan"),
        ("persons", "set", "1", "plan", "moon", "--wait", "soon"),
        ("persons", "delete"),
        ("persons", "delete", "7fbb8f26-6e87-4b43-a7c5-9a6ddbb0ef23"),
        ("persons", "at", "yesterday-ish", "--id", "1"),
    ],
)
async def test_a_wrong_use_is_refused_before_anything_is_sent(
    fake: FakePostHog, words: tuple[str, ...]
) -> None:
    done = await ran(fake, *words)

    assert done.code == 2
    assert fake.requests == []


async def test_a_deletion_without_a_terminal_asks_for_yes(fake: FakePostHog, ada: UUID) -> None:
    done = await ran(fake, "persons", "delete", str(ada))

    assert done.code == 2
    assert "which cannot be undone: give --yes" in done.err
    assert ada in fake.uuids()


async def test_delete_deletes_persons_and_their_events(fake: FakePostHog, ada: UUID) -> None:
    done = await ran(fake, "persons", "delete", "--distinct-id", "ada", "--events", "--yes")
    gone = await ran(fake, "persons", "get", str(ada))
    listed = await ran(fake, "persons", "deletions")

    assert done.code == 0
    assert rows(done)[0]["found"] == 1
    assert gone.code == 1
    assert [row["person_uuid"] for row in rows(listed)] == [str(ada)]


@pytest.mark.parametrize(("typed", "code"), [("delete\n", 0), ("yes\n", 2)])
async def test_on_a_terminal_a_deletion_is_typed(
    fake: FakePostHog, ada: UUID, typed: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    words = ("persons", "delete", str(ada))
    process = await anyio.open_process([*COMMAND, *words], stdin=theirs, env=environment(fake))
    os.write(ours, typed.encode())
    with anyio.fail_after(30):
        ended = await process.wait()
    await process.aclose()
    os.close(ours)
    os.close(theirs)

    assert ended == code
    assert (ada in fake.uuids()) == (code != 0)


async def test_values_activity_cohorts_and_the_past_of_a_person(
    fake: FakePostHog, ada: UUID
) -> None:
    fake.add_cohort("Moon", uuids=[ada])

    values = await ran(fake, "persons", "values", "plan", "--search", "moon")
    activity = await ran(fake, "persons", "activity", str(ada))
    cohorts = await ran(fake, "persons", "cohorts", str(ada))
    past = await ran(fake, "persons", "at", "2099-01-01", "--distinct-id", "ada")

    assert rows(values)[0]["name"] == "moon"
    assert activity.code == 0
    assert [row["name"] for row in rows(cohorts)] == ["Moon"]
    assert past.code == 0
    assert "ada" in rows(past)[0]["distinct_ids"]


async def test_cohorts_and_their_persons(fake: FakePostHog, ada: UUID, tmp_path: Path) -> None:
    number = str(fake.add_cohort("Moon", uuids=[ada]))

    listed = await ran(fake, "cohorts", "list")
    got = await ran(fake, "cohorts", "get", number)
    persons = await ran(fake, "cohorts", "persons", number)
    exported = await ran(fake, "export", "cohort", number, "--gzip", cwd=tmp_path)

    assert rows(got)[0]["id"] in {row["id"] for row in rows(listed)}
    assert rows(got)[0]["name"] == "Moon"
    assert [row["uuid"] for row in rows(persons)] == [str(ada)]
    assert exported.code == 0
    assert (tmp_path / f"cohort-{number}-1.ndjson.gz").exists()


@pytest.mark.parametrize("text", ["{not JSON}\n", '{"distinct_ids": [7]}\n'])
async def test_a_line_that_names_nobody_is_refused_by_its_number(
    fake: FakePostHog, tmp_path: Path, text: str
) -> None:
    (tmp_path / "ids.ndjson").write_text(f"user-1\n{text}")

    done = await ran(fake, "persons", "lookup", "--from", "ids.ndjson", cwd=tmp_path)

    assert done.code == 2
    assert "line 2 is JSON without 'distinct_id'" in done.err


async def test_a_csv_without_such_a_column_is_refused(fake: FakePostHog, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("name\nada\n")

    done = await ran(fake, "persons", "lookup", "--from", "ids.csv", cwd=tmp_path)

    assert done.code == 2
    assert "no column 'distinct_id' or 'properties.distinct_id'" in done.err


async def test_a_change_that_does_not_show_in_time_is_exit_code_3() -> None:
    async with FakePostHog(3, mode="routes", change_delay=None) as fake:
        uuid = str(fake.uuids()[0])
        waited = await ran(fake, "persons", "set", uuid, "plan", "moon", "--wait", "0.1s")
        quiet = await ran(fake, "persons", "set", uuid, "plan", "moon", "--quiet")

    assert waited.code == 3
    assert "does not show yet" in waited.err
    assert (quiet.code, quiet.err) == (0, "")


async def test_on_a_terminal_a_person_is_a_table_of_its_fields(
    fake: FakePostHog, ada: UUID
) -> None:
    code, text = await on_a_terminal(fake, "persons", "get", str(ada))
    _, values = await on_a_terminal(fake, "persons", "values", "plan")

    assert code == 0
    assert re.search(rf"^uuid +{ada} *$", text, re.MULTILINE)
    assert re.search(r"^properties\.plan +moon *$", text, re.MULTILINE)
    assert values.splitlines()[0].split()[-1] == "persons"


async def test_persons_that_cannot_be_deleted_are_counted(fake: FakePostHog, ada: UUID) -> None:
    fake.undeletable().add(ada)

    done = await ran(fake, "persons", "delete", str(ada), "--yes")
    quiet = await ran(fake, "persons", "delete", str(fake.uuids()[5]), "--yes", "--quiet")

    assert done.code == 1
    assert "1 NOT deleted" in done.err
    assert (quiet.code, quiet.err) == (0, "")


async def test_an_old_server_says_only_that_it_accepted_a_deletion() -> None:
    async with FakePostHog(3, mode="routes", version="old") as fake:
        done = await ran(fake, "persons", "delete", str(fake.uuids()[0]), "--yes")

    assert done.code == 0
    assert "does not say more" in done.err
