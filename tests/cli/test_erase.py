"""Persons are erased from the command line: dry at first, under a ledger, with a receipt."""

import json
import os
import pty
from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("cyclopts")

from cli_runs import (
    COMMAND,
    Ran,
    environment,
    interrupted,
    on_a_real_terminal,
    on_a_terminal,
    ran,
)
from posthog_env_async.testing import FakePostHog, Fault

ERASE = ("erase", "persons", "--by", "uuid", "--from", "ids.txt", "--ledger", "gdpr.ndjson")


@pytest.fixture
def uuids(fake: FakePostHog, tmp_path: Path) -> list[str]:
    chosen = [str(uuid) for uuid in fake.uuids()[:30]]
    (tmp_path / "ids.txt").write_text("\n".join([*chosen, "0" * 8 + "-0000-4000-8000-" + "0" * 12]))
    return chosen


def report(done: Ran) -> dict[str, Any]:
    (line,) = done.lines()
    return dict(json.loads(line))


async def test_without_yes_persons_are_counted_and_nobody_is_erased(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    done = await ran(fake, *ERASE, "--events", cwd=tmp_path)

    assert done.code == 0
    assert (report(done)["found"], report(done)["not_found"]) == (30, 1)
    assert report(done)["pending"] == 30
    assert "nobody was erased" in done.err
    assert not (tmp_path / "gdpr.ndjson").exists()
    assert set(uuids) <= set(map(str, fake.uuids()))


async def test_with_yes_they_are_erased_and_a_receipt_stands_beside_the_ledger(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    done = await ran(fake, *ERASE, "--events", "--yes", cwd=tmp_path)
    again = await ran(fake, *ERASE, "--events", "--yes", cwd=tmp_path)

    assert (done.code, again.code) == (0, 0)
    assert report(done)["found"] == 30
    assert not set(uuids) & set(map(str, fake.uuids()))
    assert "erase status gdpr.ndjson" in done.err
    assert "30" in (tmp_path / "gdpr.ndjson.receipt.txt").read_text()
    assert (tmp_path / "gdpr.ndjson").stat().st_mode & 0o077 == 0


async def test_other_switches_for_a_ledger_are_refused(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    await ran(fake, *ERASE, "--yes", cwd=tmp_path)

    done = await ran(fake, *ERASE, "--events", "--yes", cwd=tmp_path)

    assert done.code == 2


async def test_status_asks_until_the_events_are_gone(tmp_path: Path) -> None:
    async with FakePostHog(persons=5, mode="routes", verify_after=2.0) as fake:
        (tmp_path / "ids.txt").write_text("\n".join(map(str, fake.uuids())))
        await ran(fake, *ERASE, "--events", "--yes", cwd=tmp_path)

        early = await ran(fake, "erase", "status", "gdpr.ndjson", cwd=tmp_path)
        later = await ran(fake, "erase", "status", "gdpr.ndjson", "--wait", "20s", cwd=tmp_path)

    assert (early.code, report(early)["verified"]) == (3, 0)
    assert (later.code, report(later)["verified"]) == (0, 5)


@pytest.mark.parametrize(
    "words",
    [
        ("erase", "persons", "--ledger", "l"),
        ("erase", "persons", "--from", "ids.txt"),
        ("erase", "status", "none.ndjson"),
        ("erase", "status", "none.ndjson", "--wait", "soon"),
        (*ERASE, "--keep-person"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    fake: FakePostHog, uuids: list[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = await ran(fake, *words, cwd=tmp_path)

    assert done.code == 2
    assert fake.requests == []
    assert uuids


async def test_a_ctrl_c_says_how_to_go_on(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    fake.faults.append(Fault(action="stall", method="POST", path="/bulk_delete/", seconds=None))

    stopped = await interrupted(
        fake,
        *(*ERASE, "--yes"),
        cwd=tmp_path,
        when=lambda: any("bulk_delete" in request.path for request in fake.requests),
    )
    done = await ran(fake, *ERASE, "--yes", cwd=tmp_path)

    assert stopped.code == 130
    assert "the ledger knows how far it came. Go on with:" in stopped.err
    assert "--from '<from>'" not in stopped.err
    assert done.code == 0
    assert not set(uuids) & set(map(str, fake.uuids()))


@pytest.mark.parametrize(("typed", "code"), [("erase 30\n", 0), ("yes\n", 2)])
async def test_on_a_terminal_the_number_is_typed(
    fake: FakePostHog, uuids: list[str], tmp_path: Path, typed: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    process = await anyio.open_process(
        [*COMMAND, *ERASE, "--yes"], cwd=tmp_path, stdin=theirs, env=environment(fake)
    )
    os.write(ours, typed.encode())
    with anyio.fail_after(30):
        ended = await process.wait()
    await process.aclose()
    os.close(ours)
    os.close(theirs)

    assert ended == code
    assert bool(set(uuids) & set(map(str, fake.uuids()))) == (code != 0)


async def test_on_a_terminal_the_report_is_a_table(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    code, text = await on_a_terminal(fake, *ERASE, cwd=tmp_path)

    assert code == 0
    assert "30  persons found" in " ".join(text.split()).replace("30 persons", "30  persons")
    assert "{" not in text
    assert uuids


async def test_quiet_says_nothing_of_the_receipt(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    done = await ran(fake, *ERASE, "--yes", "--quiet", cwd=tmp_path)

    assert (done.code, done.err, report(done)["found"]) == (0, "", len(uuids))


async def test_who_could_not_be_erased_is_asked_for_by_the_same_command(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    fake.undeletable().update(fake.uuids()[:1])

    done = await ran(fake, *ERASE, "--yes", cwd=tmp_path)
    fake.undeletable().clear()
    again = await ran(fake, *ERASE, "--yes", cwd=tmp_path)

    assert (done.code, report(done)["failed"]) == (3, 1)
    assert "the same command asks again for those that are not done" in done.err
    assert (again.code, report(again)["failed"]) == (0, 0)
    assert uuids


async def test_a_dry_run_that_is_stopped_gives_no_advice(
    fake: FakePostHog, uuids: list[str], tmp_path: Path
) -> None:
    fake.faults.append(Fault(action="stall", path="batch_by_uuids", seconds=None))

    stopped = await interrupted(fake, *ERASE, cwd=tmp_path, when=lambda: bool(fake.requests))

    assert (stopped.code, stopped.err) == (130, "stopped\n")
    assert uuids


async def test_on_a_terminal_the_persons_come_from_a_file(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("erase", "persons", "--from", "-", "--ledger", "gdpr.ndjson", "--yes")

    code, text = await on_a_real_terminal(fake, *words, cwd=tmp_path)

    assert code == 2
    assert "give --from a file" in " ".join(text.split())
    assert fake.requests == []
