"""Erasing persons: looked up, written down, asked for, found out about (docs/server.md)."""

import asyncio
import json
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest

from cli_runs import environment
from posthog_env_async import (
    CheckpointError,
    ConfigurationError,
    FileLockedError,
    MissingScopeError,
    Person,
    PostHogEnv,
    PostHogError,
    ResponseDecodeError,
)
from posthog_env_async.erasure import ErasureReport, check, erase
from posthog_env_async.errors import ExportError
from posthog_env_async.session import Backoff
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client

EAGER = Backoff(base=0.0)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "erasure.ndjson"


def bodies(fake: FakePostHog) -> list[dict[str, Any]]:
    return [asked.json() for asked in fake.requests if "bulk_delete" in asked.path]


def records(ledger: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ledger.read_text().splitlines()]


# what is asked


async def test_a_dry_run_counts_and_leaves_everything_as_it_is(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = [*fake.uuids(), uuid4()]

    report = await erase(env, people, by="uuid", ledger=ledger, events=True)

    assert report == ErasureReport(found=2500, not_found=1, events=2500, requests=3, dry_run=True)
    assert report.pending == 2500
    assert len(fake.uuids()) == 2500
    assert bodies(fake) == []
    assert list(ledger.parent.iterdir()) == []


async def test_persons_are_erased_with_their_events(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = [*(f"user-{number}" for number in range(1, 1_501)), "nobody"]

    report = await erase(env, people, ledger=ledger, events=True, dry_run=False)

    assert report == ErasureReport(found=1500, not_found=1, queued=1500, events=1500, requests=2)
    assert len(fake.uuids()) == 1000
    assert [len(body["ids"]) for body in bodies(fake)] == [1000, 500]
    assert all(body["delete_events"] for body in bodies(fake))
    assert {record.times for record in fake.erasures().values()} == {1}


@pytest.mark.parametrize("version", ["old", "mid", "new"])
async def test_every_shape_of_the_answer_is_told_apart(version: Any, ledger: Path) -> None:
    async with FakePostHog(9, mode="routes", version=version) as fake, client(fake) as env:
        bad = fake.uuids()[3]
        fake.undeletable().add(bad)

        report = await erase(env, fake.uuids(), by="uuid", ledger=ledger, dry_run=False)

    said = (report.deleted, report.queued, report.failed)
    assert said == {"old": (0, 9, 0), "mid": (8, 0, 1), "new": (0, 8, 1)}[version]


async def test_two_ids_of_one_person_are_asked_for_once(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    fake.add_person(distinct_ids=["ada", "ada-anon"])

    report = await erase(env, ["ada", "ada-anon", "ada"], ledger=ledger, dry_run=False)

    assert (report.found, report.requests) == (1, 1)


async def test_a_person_of_many_ids_is_erased_without_a_warning(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    fake.add_person(distinct_ids=[f"id-{number}" for number in range(12)])

    report = await erase(env, ["id-11"], ledger=ledger, dry_run=False)

    assert report.found == 1


async def test_everybody_who_has_an_email_is_erased(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    both = {fake.add_person(properties={"email": "ada@example.com"}) for _ in range(2)}
    emails = ["ada@example.com", "x@y.z"]

    report = await erase(env, emails, by="email", ledger=ledger, dry_run=False)

    assert (report.found, report.not_found) == (2, 1)
    assert set(fake.erasures()) == both


async def test_more_emails_than_are_asked_for_at_once(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    emails = [f"ada-{number}@example.com" for number in range(20)]
    for email in emails:
        fake.add_person(properties={"email": email})

    report = await erase(env, emails, by="email", ledger=ledger, dry_run=False, concurrency=3)

    assert (report.found, report.requests) == (20, 1)
    assert report.to_dict()["queued"] == 20


async def test_persons_and_ids_are_not_mixed(env: PostHogEnv, ledger: Path) -> None:
    person = Person(uuid=uuid4())

    for people in ([person, "ada"], ["ada", person]):
        with pytest.raises(ConfigurationError, match="all"):
            await erase(env, people, ledger=ledger)


async def test_a_server_that_does_not_filter_by_email_erases_nobody(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    row = await env.request("GET", "persons/", params={"limit": 1})
    fake.faults.append(Fault(200, body=row, path="email", times=9))

    with pytest.raises(ResponseDecodeError, match="filter"):
        await erase(env, ["ada@example.com"], by="email", ledger=ledger, dry_run=False)

    assert bodies(fake) == []


async def test_a_listing_of_persons_is_erased(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    report = await erase(
        env, env.persons.list(page_size=100), ledger=ledger, recordings=True, dry_run=False
    )

    assert (report.found, report.recordings, report.events) == (2500, 2500, 0)
    assert fake.uuids() == []
    assert all(record.recordings for record in fake.erasures().values())


async def test_events_may_go_and_persons_stay(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    first = fake.uuids()[0]

    report = await erase(
        env, [first], by="uuid", ledger=ledger, events=True, keep_person=True, dry_run=False
    )

    assert report.queued == 1
    assert first in fake.uuids()
    assert fake.erasures()[first].events


async def test_an_async_iterator_of_ids_will_do(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    async def ids() -> AsyncIterator[str]:
        yield "user-1"

    report = await erase(env, ids(), ledger=ledger, dry_run=False)

    assert report.found == 1


async def test_progress_is_told_after_each_request(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    told = list[int]()
    people = fake.uuids()

    await erase(
        env,
        people,
        by="uuid",
        ledger=ledger,
        dry_run=False,
        on_progress=lambda report: told.append(report.queued),
    )

    assert told == [1000, 2000, 2500]


# the ledger


async def test_a_second_run_asks_for_nobody_again(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = [f"user-{number}" for number in range(1, 301)]
    first = await erase(env, people, ledger=ledger, dry_run=False)
    fake.requests.clear()

    second = await erase(env, people, ledger=ledger, dry_run=False)

    assert first == second
    assert fake.requests == []


async def test_persons_who_are_done_are_not_asked_for_again(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    persons = await env.persons.list(max_items=30).collect()
    await erase(env, persons[:20], ledger=ledger, dry_run=False)
    fake.requests.clear()

    report = await erase(env, persons, ledger=ledger, dry_run=False)

    assert report.found == 30
    assert [body["ids"] for body in bodies(fake)] == [[str(each.uuid) for each in persons[20:]]]


async def test_more_people_may_join_a_ledger(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    await erase(env, ["user-1"], ledger=ledger, dry_run=False)

    dry = await erase(env, ["user-1", "user-2"], ledger=ledger)
    report = await erase(env, ["user-1", "user-2"], ledger=ledger, dry_run=False)

    assert (dry.found, dry.pending, dry.requests) == (2, 1, 1)
    assert (report.found, report.queued, report.requests) == (2, 2, 2)


async def test_what_failed_is_asked_for_again(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    bad = fake.uuids()[0]
    fake.undeletable().add(bad)
    first = await erase(env, [bad], by="uuid", ledger=ledger, dry_run=False)
    fake.undeletable().clear()

    second = await erase(env, [bad], by="uuid", ledger=ledger, dry_run=False)

    assert (first.failed, second.failed, second.queued) == (1, 0, 1)


async def test_a_ledger_is_for_its_owner_alone_and_holds_no_id(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    uuid = fake.add_person(distinct_ids=["ada@example.com"])
    fake.undeletable().add(uuid)

    await erase(env, ["ada@example.com"], ledger=ledger, events=True, dry_run=False)

    beside = sorted(ledger.parent.iterdir())
    assert [path.name for path in beside] == [
        "erasure.ndjson",
        "erasure.ndjson.receipt.json",
        "erasure.ndjson.receipt.txt",
    ]
    for path in beside:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "@example" not in path.read_text()
        assert str(uuid) not in path.read_text()


async def test_plain_ids_are_kept_when_asked_for(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    uuid = fake.add_person(distinct_ids=["ada"])

    await erase(env, ["ada"], ledger=ledger, plain_ids=True, dry_run=False)

    assert "distinct_id:ada" in ledger.read_text()
    assert str(uuid) in ledger.read_text()


async def test_every_request_is_written_down_before_and_after(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    await erase(env, fake.uuids(), by="uuid", ledger=ledger, dry_run=False)

    kinds = [record["kind"] for record in records(ledger) if record["kind"] != "resolved"]
    assert kinds == ["ledger", *["asking", "answered"] * 3]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"events": False}, "events"),
        ({"recordings": True}, "recordings"),
        ({"keep_person": True}, "keep_person"),
        ({"plain_ids": True}, "plain_ids"),
    ],
)
async def test_a_ledger_keeps_its_switches(
    env: PostHogEnv, fake: FakePostHog, ledger: Path, other: dict[str, bool], named: str
) -> None:
    await erase(env, ["user-1"], ledger=ledger, events=True, dry_run=False)
    fake.requests.clear()

    for dry_run in (True, False):
        with pytest.raises(CheckpointError, match=named):
            await erase(
                env, ["user-2"], ledger=ledger, **{"events": True, **other}, dry_run=dry_run
            )

    assert fake.requests == []


async def test_a_ledger_belongs_to_its_project(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    fake.add_project(2, persons=5)
    await erase(env, ["user-1"], ledger=ledger, dry_run=False)

    with pytest.raises(CheckpointError, match="project"):
        await erase(env.for_project(2), ["user-1"], ledger=ledger, dry_run=False)
    with pytest.raises(CheckpointError, match="project"):
        await check(env.for_project(2), ledger)


async def test_a_ledger_that_was_changed_is_refused(env: PostHogEnv, ledger: Path) -> None:
    await erase(env, ["user-1"], ledger=ledger, dry_run=False)
    text = ledger.read_text()

    for changed in (
        text.replace('"queued":1', '"queued":0'),
        "\n".join(text.splitlines()[:1] + text.splitlines()[2:]) + "\n",
        text + text.splitlines()[-1] + "\n",
        text.replace('"version":1', '"version":2'),
    ):
        assert changed != text
        ledger.write_text(changed)
        with pytest.raises(CheckpointError):
            await erase(env, ["user-1"], ledger=ledger, dry_run=False)
        with pytest.raises(CheckpointError):
            await check(env, ledger)


async def test_a_line_that_was_cut_is_left_out(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    await erase(env, ["user-1"], ledger=ledger, dry_run=False)
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + whole[:40])

    report = await erase(env, ["user-1", "user-2"], ledger=ledger, dry_run=False)

    assert report.queued == 2
    assert ledger.read_bytes().startswith(whole)


@pytest.mark.parametrize("content", ["my notes", "my notes\n", "{}\n", '{"kind":"other"}\n'])
async def test_a_file_that_is_not_a_ledger_is_left_alone(
    env: PostHogEnv, fake: FakePostHog, ledger: Path, content: str
) -> None:
    ledger.write_text(content)

    for dry_run in (True, False):
        with pytest.raises(CheckpointError):
            await erase(env, ["user-1"], ledger=ledger, dry_run=dry_run)

    assert ledger.read_text() == content
    assert fake.requests == []


async def test_a_ledger_that_cannot_be_written_is_an_error_before_anything_is_sent(
    env: PostHogEnv, fake: FakePostHog, ledger: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for path in (tmp_path / "no" / "folder", tmp_path, Path("/dev/null"), tmp_path / "link"):
        with pytest.raises((ExportError, CheckpointError)) as caught:
            await erase(env, ["user-1"], ledger=path, dry_run=False)
        assert caught.value.__context__ is None

    assert fake.requests == []
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("content", [b"", b'{"kind":"ledger",\n'])
async def test_what_holds_no_record_cannot_be_checked(
    env: PostHogEnv, ledger: Path, content: bytes
) -> None:
    ledger.write_bytes(content)

    with pytest.raises(CheckpointError):
        await check(env, ledger)

    assert ledger.read_bytes() == content


async def test_two_runs_cannot_share_a_ledger(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    async def ids() -> AsyncIterator[str]:
        with pytest.raises(FileLockedError):
            await erase(env, ["user-2"], ledger=ledger, dry_run=False)
        yield "user-1"

    report = await erase(env, ids(), ledger=ledger, dry_run=False)

    assert report.found == 1


# what goes wrong


@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize("action", ["lost", "reset", "status", "truncate"])
async def test_a_request_whose_outcome_is_unknown_is_found_out_about(
    env: PostHogEnv, fake: FakePostHog, ledger: Path, action: Any, events: bool
) -> None:
    people = fake.uuids()[:30]
    fake.faults.append(Fault(502, action=action, path="bulk_delete"))

    report = await erase(
        env, people, by="uuid", ledger=ledger, events=events, dry_run=False, backoff=EAGER
    )

    arrived = action in ("lost", "truncate")
    assert report.unknown == report.failed == report.pending == 0
    assert report.deleted + report.queued + report.verified == 30
    assert {record.times for record in fake.erasures().values()} == {1}
    assert len(bodies(fake)) == (1 if arrived else 2)
    assert all(record.events is events for record in fake.erasures().values())


@pytest.mark.parametrize(("events", "state"), [(True, "verified"), (False, "deleted")])
async def test_a_run_cancelled_before_its_response_is_resolved_by_the_next(
    env: PostHogEnv, fake: FakePostHog, ledger: Path, events: bool, state: str
) -> None:
    people = fake.uuids()[:30]
    fake.faults.append(Fault(action="stall", path="bulk_delete"))
    with anyio.move_on_after(5.0) as scope:

        async def until_asked() -> None:
            while not bodies(fake):
                await anyio.sleep(0.01)
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_asked)
            await erase(env, people, by="uuid", ledger=ledger, events=events, dry_run=False)
    receipt = json.loads(ledger.with_name("erasure.ndjson.receipt.json").read_text())

    report = await erase(env, people, by="uuid", ledger=ledger, events=events, dry_run=False)

    assert receipt["unknown"] == 30
    assert getattr(report, state) == report.found == 30
    assert len(bodies(fake)) == 1


async def test_a_task_cancelled_at_any_moment_leaves_a_receipt_of_what_the_ledger_says(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    seen: set[str] = set()
    for turns, person in enumerate(fake.uuids()[:60], start=1):
        ledger = tmp_path / f"{turns}.ndjson"
        task = asyncio.ensure_future(erase(env, [person], by="uuid", ledger=ledger, dry_run=False))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        receipt = json.loads(ledger.with_name(f"{turns}.ndjson.receipt.json").read_text())
        last = json.loads(ledger.read_text().splitlines()[-1])["kind"]

        # What was answered is certain, and nothing is written behind the receipt.
        assert receipt["unknown"] == (last == "asking"), turns
        assert receipt["queued"] + receipt["deleted"] == (last == "answered"), turns
        seen.add(last)
    assert "asking" in seen


async def test_a_server_that_stays_broken_ends_the_run_and_the_next_goes_on(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = fake.uuids()
    fake.faults.append(Fault(502, path="bulk_delete", after=1, times=5))

    with pytest.raises(PostHogError):
        await erase(env, people, by="uuid", ledger=ledger, dry_run=False, backoff=EAGER)
    receipt = json.loads(ledger.with_name("erasure.ndjson.receipt.json").read_text())
    report = await erase(env, people, by="uuid", ledger=ledger, dry_run=False, backoff=EAGER)

    assert (receipt["queued"], receipt["unknown"]) == (1000, 1000)
    assert report.queued == report.found == 2500
    assert {record.times for record in fake.erasures().values()} == {1}


async def test_an_answer_that_cannot_be_read_is_found_out_about(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = fake.uuids()[:30]
    fake.faults.append(Fault(202, body={"persons_found": "thirty"}, path="bulk_delete"))

    report = await erase(env, people, by="uuid", ledger=ledger, dry_run=False, backoff=EAGER)

    assert (report.queued, report.unknown) == (30, 0)
    assert [line["error"] for line in records(ledger) if "error" in line] == ["ResponseDecodeError"]


async def test_a_server_that_never_accounts_for_everybody_ends_the_run(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    fake.faults.append(Fault(202, body={"persons_found": 9}, path="bulk_delete", times=99))
    twice = Backoff(max_attempts=2, base=0.0)

    report = await erase(
        env, fake.uuids()[:10], by="uuid", ledger=ledger, dry_run=False, backoff=twice
    )

    assert report.unknown == 10
    assert len(bodies(fake)) == 2


ODD_FILE_SYSTEM = """
import asyncio, errno, fcntl, os, stat, sys
from posthog_env_async import PostHogEnv
from posthog_env_async.erasure import erase

fsync = os.fsync

def no_locks(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

def no_folders(descriptor):
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return fsync(descriptor)

fcntl.flock, os.fsync = no_locks, no_folders

async def main():
    async with PostHogEnv(1) as env:
        report = await erase(env, ["user-1"], ledger=sys.argv[1], dry_run=False)
        print("queued", report.queued)

asyncio.run(main())
"""


async def test_a_ledger_can_be_kept_where_nothing_can_be_locked(
    fake: FakePostHog, ledger: Path
) -> None:
    done = await anyio.run_process(
        [sys.executable, "-W", "error", "-c", ODD_FILE_SYSTEM, str(ledger)],
        env=environment(fake),
    )

    assert done.stdout == b"queued 1\n"
    assert records(ledger)[-1]["kind"] == "answered"


async def test_a_refusal_ends_the_run_and_nobody_is_uncertain(
    fake: FakePostHog, ledger: Path
) -> None:
    weak = fake.add_key(scopes=["person:read"])

    async with client(fake, api_key=weak) as env:
        with pytest.raises(MissingScopeError):
            await erase(env, ["user-1"], ledger=ledger, dry_run=False)

    last = records(ledger)[-1]
    assert (last["outcome"], last["error"]) == ("refused", "MissingScopeError 403")


async def test_whoever_vanishes_in_between_is_found_out_about(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = fake.uuids()[:10]
    gone = people[3]
    summary = {
        "persons_found": 9,
        "persons_deleted": 0,
        "persons_queued_for_deletion": 9,
        "events_queued_for_deletion": True,
        "recordings_queued_for_deletion": False,
        "deletion_errors": [],
    }
    await env.persons.delete_many(uuids=[each for each in people if each != gone], events=True)
    fake.faults.append(Fault(202, body=summary, path="bulk_delete"))
    fake.faults.append(
        Fault(
            200,
            path="batch_by_uuids",
            body={
                "results": {str(each): {"uuid": str(each), "distinct_ids": []} for each in people}
            },
        )
    )
    fake.delete([gone])

    report = await erase(
        env, people, by="uuid", ledger=ledger, events=True, dry_run=False, backoff=EAGER
    )

    assert (report.verified, report.unknown) == (9, 1)


async def test_somebody_found_and_gone_before_being_asked_is_not_found(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    fake.faults.append(Fault(403, path="bulk_delete"))
    first = fake.uuids()[0]
    with pytest.raises(PostHogError):
        await erase(env, [first], by="uuid", ledger=ledger, dry_run=False)
    fake.delete([first])

    report = await erase(env, [first], by="uuid", ledger=ledger, dry_run=False)

    assert (report.found, report.not_found) == (0, 1)


@pytest.mark.parametrize(
    ("people", "switches"),
    [
        (["a"], {"keep_person": True}),
        (["a"], {"events": 1}),
        (["a"], {"by": "name"}),
        (["a"], {"by": "uuid"}),
        ("ada", {}),
        ([""], {}),
        ([7], {}),
    ],
)
async def test_what_cannot_be_erased_is_refused(
    env: PostHogEnv, ledger: Path, people: Any, switches: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        await erase(env, people, ledger=ledger, **switches)


async def test_nobody_to_erase_leaves_a_receipt_of_nobody(env: PostHogEnv, ledger: Path) -> None:
    report = await erase(env, [], ledger=ledger, dry_run=False)

    assert report == ErasureReport()
    assert "0  persons found" in ledger.with_name("erasure.ndjson.receipt.txt").read_text()


# what became of them


async def test_a_check_asks_until_the_events_are_verified_to_be_gone(ledger: Path) -> None:
    fake = FakePostHog(5, mode="routes", verify_after=1.5)
    async with fake, client(fake) as env:
        await erase(env, fake.uuids(), by="uuid", ledger=ledger, events=True, dry_run=False)

        now = await check(env, ledger)
        later = await check(env, ledger, wait=30)

    assert (now.queued, now.verified) == (5, 0)
    assert (later.queued, later.verified) == (0, 5)
    receipt = json.loads(ledger.with_name("erasure.ndjson.receipt.json").read_text())
    assert receipt["verified"] == 5


async def test_a_check_ends_when_its_time_is_over(ledger: Path) -> None:
    fake = FakePostHog(5, mode="routes", verify_after=None)
    async with fake, client(fake) as env:
        await erase(env, fake.uuids(), by="uuid", ledger=ledger, events=True, dry_run=False)

        report = await check(env, ledger, wait=0.05)

    assert report.queued == 5


async def test_a_check_of_persons_without_events_asks_nothing(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    await erase(env, ["user-1"], ledger=ledger, dry_run=False)
    fake.requests.clear()

    report = await check(env, ledger, wait=60)

    assert report.queued == 1
    assert fake.requests == []


@pytest.mark.parametrize("wait", [-1])
async def test_a_wrong_wait_is_refused(env: PostHogEnv, ledger: Path, wait: float) -> None:
    with pytest.raises(ConfigurationError):
        await check(env, ledger, wait=wait)


async def test_a_ledger_that_is_not_there_cannot_be_checked(env: PostHogEnv, ledger: Path) -> None:
    with pytest.raises(CheckpointError, match="not there"):
        await check(env, ledger)

    assert not ledger.exists()


async def test_a_deletion_of_long_ago_verifies_nothing(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    first = fake.uuids()[0]
    fake.faults.append(Fault(action="lost", path="bulk_delete", times=1))
    old = {
        "person_uuid": str(first),
        "created_at": "2020-01-01T00:00:00Z",
        "status": "completed",
        "delete_verified_at": "2020-01-02T00:00:00Z",
    }
    page = {"count": 1, "next": None, "previous": None, "results": [old]}
    fake.faults.append(Fault(200, body=page, path="deletion_status", times=99))

    report = await erase(
        env, [first], by="uuid", ledger=ledger, events=True, dry_run=False, backoff=EAGER
    )

    assert (report.unknown, report.verified) == (1, 0)


async def test_the_receipt_says_what_was_done_and_agrees_with_the_server(
    env: PostHogEnv, fake: FakePostHog, ledger: Path
) -> None:
    people = [*fake.uuids()[:1200], UUID(int=1)]

    await erase(env, people, by="uuid", ledger=ledger, events=True, dry_run=False)
    await check(env, ledger)

    receipt = json.loads(ledger.with_name("erasure.ndjson.receipt.json").read_text())
    text = ledger.with_name("erasure.ndjson.receipt.txt").read_text()
    assert receipt["verified"] == len(fake.erasures()) == 1200
    assert (receipt["not_found"], receipt["events"], receipt["project"]) == (1, True, "1")
    assert [each["persons"] for each in receipt["requests"]] == [1000, 200]
    assert "1,200  events gone, as the server made sure" in text
    assert fake.url in text
