"""`posthog-env export` and `verify`: files, resuming, many projects, and what is said of them."""

import csv
import fcntl
import gzip
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cyclopts")

from cli_runs import interrupted, on_a_real_terminal, on_a_terminal, ran
from posthog_env_async import PostHogEnv
from posthog_env_async.cli.commands.export.run import ExportCommand
from posthog_env_async.cli.commands.export.totals import missing_rows, total_of
from posthog_env_async.cli.options.connection import ClientOptions
from posthog_env_async.cli.options.export import Destination, ReadOptions
from posthog_env_async.testing import FakePostHog, Fault

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
SLOWLY = ("--page-size", "100", "--prefetch", "0", "--prefix", "projects")


def names_in(folder: Path) -> list[str]:
    """Name the data files in a folder."""
    return sorted(path.name for path in folder.glob("*.ndjson"))


async def rows_of(env: PostHogEnv) -> bytes:
    return b"".join([row + b"\n" async for row in env.persons.list().rows()])


async def test_export_persons_writes_the_rows_as_the_server_sent_them(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    done = await ran(fake, "export", "persons", "--out", "all.ndjson", cwd=tmp_path)

    assert done.code == 0
    assert done.out == ""
    assert (tmp_path / "all.ndjson").read_bytes() == await rows_of(env)
    assert "2,500 persons" in done.err
    assert "complete" in done.err


async def test_without_a_name_the_file_is_called_after_its_project(
    fake: FakePostHog, tmp_path: Path
) -> None:
    await ran(fake, "export", "persons", "--gzip", cwd=tmp_path)

    with gzip.open(tmp_path / "persons-1.ndjson.gz") as file:
        assert sum(1 for _ in file) == 2_500


async def test_export_writes_the_columns_of_a_csv(fake: FakePostHog, tmp_path: Path) -> None:
    fake.add_person(properties={"email": "=1+1"})
    words = ("--columns", "uuid,properties.email", "--quote-formulas", "--max-items", "2")

    done = await ran(fake, "export", "persons", "--out", "some.csv", *words, cwd=tmp_path)

    assert done.code == 0
    titles, first, _ = csv.reader((tmp_path / "some.csv").read_text().splitlines())
    assert titles == ["uuid", "properties.email"]
    assert first[1] == "'=1+1"


async def test_a_csv_for_a_warehouse_has_safe_names_types_and_the_project(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_person(properties={"$seats left": 12})
    columns = ("--columns", "uuid,properties.$seats left=integer", "--max-items", "1")
    words = ("--safe-names", "--add-project-id", "--excel")

    done = await ran(fake, "export", "persons", "--out", "a.csv", *columns, *words, cwd=tmp_path)

    assert done.code == 0, done.err
    text = (tmp_path / "a.csv").read_bytes().decode()
    titles, row = csv.reader(text.removeprefix("\ufeff").splitlines())
    assert text.startswith("\ufeff")
    assert all(re.fullmatch("[a-z0-9_]+", title) for title in titles)
    assert dict(zip(titles, row, strict=True))["project_id"] == "1"
    assert "12" in row


async def test_a_column_that_there_is_not_is_refused_with_the_nearest_name(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("--out", "a.csv", "--columns", "uuid,creatd_at")

    done = await ran(fake, "export", "persons", *words, cwd=tmp_path)

    assert done.code == 2
    assert "created_at" in done.err
    assert fake.requests == []


async def test_export_filters_as_the_api_does(fake: FakePostHog, tmp_path: Path) -> None:
    fake.add_person(properties={"plan": "moon"})

    await ran(
        fake, "export", "persons", "--property", "plan=moon", "--out", "m.ndjson", cwd=tmp_path
    )

    (row,) = (tmp_path / "m.ndjson").read_text().splitlines()
    assert json.loads(row)["properties"]["plan"] == "moon"


@pytest.mark.parametrize("what", ["folders", "logs"])
async def test_export_takes_other_listings(fake: FakePostHog, tmp_path: Path, what: str) -> None:
    done = await ran(fake, "export", what, "--out", "some.ndjson", cwd=tmp_path)

    assert done.code == 0
    assert (tmp_path / "some.ndjson.manifest.json").exists()


async def test_export_to_stdout_is_ndjson_in_a_pipe(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    done = await ran(fake, "export", "persons", "--stdout", cwd=tmp_path)

    assert done.code == 0
    assert done.out.encode() == await rows_of(env)
    assert names_in(tmp_path) == []


async def test_a_dash_for_a_file_is_stdout(fake: FakePostHog, tmp_path: Path) -> None:
    done = await ran(fake, "export", "persons", "--out", "-", "--max-items", "3", cwd=tmp_path)

    assert done.code == 0
    assert len(done.lines()) == 3
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_not_ours_is_replaced_with_overwrite_alone(
    fake: FakePostHog, tmp_path: Path
) -> None:
    (tmp_path / "notes.csv").write_text("mine")
    words = ("export", "persons", "--out", "notes.csv", "--max-items", "3")

    refused = await ran(fake, *words, cwd=tmp_path)
    kept = (tmp_path / "notes.csv").read_text()
    done = await ran(fake, *words, "--overwrite", cwd=tmp_path)

    assert (refused.code, kept) == (2, "mine")
    assert "--overwrite" in refused.err
    assert done.code == 0


async def test_an_export_goes_without_a_lock_when_told_to(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("export", "persons", "--out", "some.csv", "--max-items", "3")
    with (tmp_path / "some.csv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        refused = await ran(fake, *words, cwd=tmp_path)
        done = await ran(fake, *words, "--no-lock", cwd=tmp_path)

    assert (refused.code, done.code) == (2, 0)
    assert "another export" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("--stdout", "--out", "some.ndjson"),
        ("--out", "-", "--format", "csv"),
        ("--out", "-", "--safe-names"),
        ("--out", "some.ndjson", "--excel"),
        ("--stdout", "--project", "1,2"),
        ("--gzip", "--zstd"),
        ("--out", "some.txt"),
        ("--project", "1,1"),
        ("--project", "1", "--all-projects"),
        ("--out", "some.ndjson", "--columns", "uuid"),
    ],
)
async def test_an_export_that_cannot_be_is_exit_code_2(
    fake: FakePostHog, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = await ran(fake, "export", "persons", *words, cwd=tmp_path)

    assert done.code == 2
    assert "error: " in done.err
    assert fake.requests == []


async def test_ctrl_c_keeps_what_was_read_and_says_how_to_go_on(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    fake.faults.append(Fault(action="stall", path="/persons/", after=5, seconds=None))
    words = ("export", "persons", "--out", "all.ndjson", *SLOWLY)

    stopped = await interrupted(fake, *words, cwd=tmp_path, when=lambda: len(fake.requests) == 6)
    asked = len(fake.requests)
    resumed = await ran(fake, *words, cwd=tmp_path)

    assert stopped.code == 130
    assert f"posthog-env {' '.join(words)}" in stopped.err
    assert resumed.code == 0
    assert (tmp_path / "all.ndjson").read_bytes() == await rows_of(env)
    assert len(fake.requests) - asked < 25 + 5


async def test_sigterm_stops_as_ctrl_c_does_with_a_code_of_its_own(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    fake.faults.append(Fault(action="stall", path="/persons/", after=5, seconds=None))
    words = ("export", "persons", "--out", "all.ndjson", *SLOWLY)

    stopped = await interrupted(
        fake, *words, cwd=tmp_path, when=lambda: len(fake.requests) == 6, by=signal.SIGTERM
    )
    resumed = await ran(fake, *words, cwd=tmp_path)

    assert stopped.code == 143
    assert f"posthog-env {' '.join(words)}" in stopped.err
    assert resumed.code == 0
    assert (tmp_path / "all.ndjson").read_bytes() == await rows_of(env)


async def test_an_export_makes_the_folder_that_its_file_is_to_lie_in(
    fake: FakePostHog, tmp_path: Path
) -> None:
    done = await ran(fake, "export", "persons", "--out", "sub/dir/all.ndjson", cwd=tmp_path)

    assert done.code == 0
    assert (tmp_path / "sub/dir/all.ndjson").exists()


async def test_a_refusal_does_not_advise_what_was_just_refused(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("export", "persons", "--out", "all.ndjson", *SLOWLY)
    await ran(fake, *words, "--limit", "5/3600", cwd=tmp_path)

    refused = await ran(fake, *words, "--search", "ada", cwd=tmp_path)

    assert refused.code == 2
    assert "--restart" in refused.err
    assert "go on with" not in refused.err


async def test_a_run_that_read_nothing_does_not_stand_in_the_way_of_the_next(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("export", "persons", "--out", "all.ndjson")
    wrong = await ran(
        fake, *words, cwd=tmp_path, variables={"POSTHOG_PERSONAL_API_KEY": "phx_wrong"}
    )
    between = list(tmp_path.iterdir())

    done = await ran(fake, *words, "--search", "ada", cwd=tmp_path)

    assert (wrong.code, done.code) == (1, 0)
    assert between == []


async def test_several_projects_need_a_folder(fake: FakePostHog, tmp_path: Path) -> None:
    words = ("export", "persons", "--project", "1,2", "--out", "all.ndjson")

    refused = await ran(fake, *words, cwd=tmp_path)

    assert refused.code == 2
    assert "name a folder" in refused.err
    assert list(tmp_path.iterdir()) == []


async def test_a_limit_that_is_used_up_ends_with_75_and_goes_on_later(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    words = ("export", "persons", "--out", "all.ndjson", *SLOWLY)

    cut = await ran(fake, *words, "--limit", "10/3600", cwd=tmp_path)
    done = await ran(fake, *words, cwd=tmp_path)

    assert cut.code == 75
    assert "needs 25 requests, the hour has 9 left" in cut.err
    assert "resume after" in cut.err
    assert f"posthog-env {' '.join(words)}" in cut.err
    assert done.code == 0
    assert (tmp_path / "all.ndjson").read_bytes() == await rows_of(env)


async def test_wait_waits_for_the_limit(fake: FakePostHog, tmp_path: Path) -> None:
    words = ("--page-size", "500", "--limit", "3/0.5", "--max-wait", "0.1", "--wait")

    done = await ran(fake, "export", "persons", "--out", "all.ndjson", *words, cwd=tmp_path)

    assert done.code == 0


async def test_a_checkpoint_of_another_query_is_refused_until_restart(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("export", "persons", "--out", "all.ndjson", *SLOWLY)
    await ran(fake, *words, "--limit", "3/3600", cwd=tmp_path)

    refused = await ran(fake, *words, "--search", "ada", cwd=tmp_path)
    restarted = await ran(fake, *words, "--search", "ada", "--restart", cwd=tmp_path)

    assert refused.code == 2
    assert "--restart" in refused.err
    assert restarted.code == 0


async def test_many_projects_make_a_file_each_and_one_failure_stops_no_other(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_project(2, persons=30)
    words = ("export", "persons", "--project", "1,2,99", "--out", "people", "--json")

    done = await ran(fake, *words, cwd=tmp_path)

    ended = [json.loads(line) for line in done.lines()]
    assert [(end["project"], end["ok"], end.get("rows")) for end in ended] == [
        ("1", True, 2_500),
        ("2", True, 30),
        ("99", False, None),
    ]
    assert done.code == 1
    assert "project 99: 404" in done.err
    assert names_in(tmp_path / "people") == ["persons-1.ndjson", "persons-2.ndjson"]


async def test_all_projects_are_those_that_the_key_can_use(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_project(7, persons=3)

    done = await ran(fake, "export", "persons", "--all-projects", "--out", "people", cwd=tmp_path)

    assert done.code == 0
    assert (tmp_path / "people/persons-7.ndjson").exists()
    assert "project 7" in done.err


async def test_all_projects_of_a_confined_key_are_those_it_is_confined_to(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_project(7, persons=3)
    confined = fake.add_key("phx_confined", scopes=["person:read"], scoped_teams=[7])
    words = ("export", "persons", "--all-projects", "--out", "people")

    done = await ran(fake, *words, cwd=tmp_path, variables={"POSTHOG_PERSONAL_API_KEY": confined})

    assert done.code == 0
    assert names_in(tmp_path / "people") == ["persons-7.ndjson"]


async def test_a_long_export_says_now_and_then_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakePostHog(persons=2_500, latency=0.1, mode="routes") as fake:
        monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", fake.key)
        export = ExportCommand(
            what="persons",
            noun="person",
            group="persons",
            listing_of=lambda env: env.persons.list(page_size=100),
            destination=Destination(out=tmp_path / "all.ndjson"),
            reading=ReadOptions(count=True),
            options=ClientOptions(host=fake.url, project=("1",)),
            every=0.3,
        )
        code = await export.run()

    lines = [line for line in capsys.readouterr().err.splitlines() if " of 2,500 persons" in line]
    assert code == 0
    assert lines[0].startswith("project 1 · ")
    assert "ends about" in lines[-1]
    assert export.watcher.requests == len(fake.requests)


async def test_json_gives_the_report_and_no_progress(fake: FakePostHog, tmp_path: Path) -> None:
    done = await ran(
        fake, "export", "persons", "--out", "all.ndjson", "--json", "--quiet", cwd=tmp_path
    )

    report: dict[str, Any] = json.loads(done.out)
    assert report["rows"] == report["listing"]["items"] == 2_500
    assert report["complete"] is True
    assert report["exit_code"] == 0
    assert done.err == ""


async def test_a_folder_that_cannot_be_made_is_named(fake: FakePostHog, tmp_path: Path) -> None:
    (tmp_path / "people").write_text("in the way")

    done = await ran(fake, "export", "persons", "--out", "people/all.ndjson", cwd=tmp_path)

    assert done.code == 1
    assert "people" in done.err


async def test_pages_grow_by_themselves_so_that_few_requests_are_needed(
    tmp_path: Path,
) -> None:
    async with FakePostHog(persons=60_000, mode="routes") as fake:
        done = await ran(fake, "export", "persons", "--out", "all.ndjson", cwd=tmp_path)

        assert done.code == 0
        assert "60,000 persons" in done.err
        assert len(fake.requests) <= 25
        assert fake.requests[0].query["limit"] == "1000"
        assert max(int(request.query["limit"]) for request in fake.requests) >= 4_000


async def test_verify_is_content_with_a_file_as_it_was_exported(
    fake: FakePostHog, tmp_path: Path
) -> None:
    await ran(fake, "export", "persons", "--out", "all.ndjson.zst", cwd=tmp_path)

    done = await ran(None, "verify", "all.ndjson.zst", cwd=tmp_path)

    assert done.code == 0
    assert json.loads(done.out)["ok"] is True
    assert done.err.startswith("OK ")


async def test_verify_says_what_is_wrong_with_exit_code_3(
    fake: FakePostHog, tmp_path: Path
) -> None:
    await ran(fake, "export", "persons", "--out", "all.ndjson", cwd=tmp_path)
    file = tmp_path / "all.ndjson"
    file.write_bytes(file.read_bytes().replace(b"ada", b"eve", 1))

    done = await ran(None, "verify", "all.ndjson", "gone.ndjson", cwd=tmp_path)

    assert done.code == 3
    assert [json.loads(line)["ok"] for line in done.lines()] == [False, False]
    assert "all.ndjson was changed" in done.err


async def test_verify_takes_a_folder_with_all_exports_below_it(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_project(2, persons=30)
    await ran(fake, "export", "persons", "--project", "1-2", "--out", "people/now", cwd=tmp_path)

    done = await ran(None, "verify", "people", cwd=tmp_path)
    empty = await ran(None, "verify", str(tmp_path / "people/now/none"), cwd=tmp_path)

    assert done.code == 0
    assert [json.loads(line)["rows"] for line in done.lines()] == [2_500, 30]
    assert empty.code == 3


async def test_verify_of_a_folder_without_exports_is_exit_code_2(tmp_path: Path) -> None:
    done = await ran(None, "verify", str(tmp_path))

    assert done.code == 2
    assert "holds no manifest" in done.err


async def test_the_advice_to_go_on_shows_no_filter_and_no_password(
    fake: FakePostHog, tmp_path: Path
) -> None:
    for name in ("ada", "eve", "mia"):
        fake.add_person(properties={"email": f"{name}@moon.example"})
    words = ("export", "persons", "--out", "all.ndjson", "--page-size", "1", "--prefetch", "0")
    private = ("--search", "moon.example", "--property=plan!=secret")

    cut = await ran(fake, *words, "--limit", "2/3600", *private, cwd=tmp_path)

    assert cut.code == 75
    assert "posthog-env export persons --out all.ndjson --page-size 1" in cut.err
    assert "--search '<search>' --property='<property>'" in cut.err
    assert "moon" not in cut.err
    assert "secret" not in cut.err


@pytest.mark.parametrize("where", [("--out", "all.ndjson"), ("--stdout",)])
async def test_fewer_rows_than_were_counted_fail_the_verdict(
    tmp_path: Path, where: tuple[str, ...]
) -> None:
    async with FakePostHog(persons=500, orphans=0.1, mode="routes") as fake:
        usual = await ran(fake, "export", "persons", *where, cwd=tmp_path)
        counted = await ran(fake, "export", "persons", *where, "--count", cwd=tmp_path)

    assert usual.code == 0
    assert counted.code == 3
    assert "fewer than the server counts" in counted.err


async def test_persons_who_are_deleted_meanwhile_do_not_fail_the_count(
    fake: FakePostHog, env: PostHogEnv
) -> None:
    listing = env.persons.list()

    gone = await missing_rows(listing, 2_500, before=2_600)
    missing = await missing_rows(listing, 2_400, before=2_600)

    assert (gone, missing) == (0, 100)


async def test_progress_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    projects = dict.fromkeys((1, 123_456_789), 2_000)
    async with FakePostHog(projects, latency=0.13, mode="routes") as fake:
        words = ("--project", "1,123456789", "--out", "people", "--count", *SLOWLY)

        code, text = await on_a_real_terminal(fake, "export", "persons", *words, cwd=tmp_path)

    lines = re.split(r"[\r\n]+", CONTROLS.sub("", text))
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert any("2,000 of 2,000 persons" in line and "done" in line for line in lines)
    assert any(" left" in line for line in lines)
    assert any("requests, " in line for line in lines)


async def test_progress_on_a_terminal_says_until_when_it_waits(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.faults.append(Fault(429, path="/persons/", after=3, headers={"Retry-After": "3"}))
    words = ("--out", "a.ndjson", "--page-size", "100", "--prefetch", "0")

    code, text = await on_a_real_terminal(fake, "export", "persons", *words, cwd=tmp_path)

    assert code == 0
    assert "waits until" in text


async def test_many_projects_end_with_a_table_that_names_each(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_project(2, persons=30)
    words = ("export", "persons", "--project", "1,2,99", "--out", "people", "--count")

    first = await ran(fake, *words, cwd=tmp_path)
    second = await ran(fake, *words, cwd=tmp_path)

    assert first.code == second.code == 1
    assert "project 1   complete " in first.err
    assert "project 99  failed " in first.err
    assert "project 1   complete (kept) " in second.err


async def test_of_many_projects_quiet_leaves_only_what_failed(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("export", "persons", "--project", "1,99", "--out", "people", "--quiet")

    done = await ran(fake, *words, cwd=tmp_path)

    assert done.code == 1
    assert done.err.startswith("error: project 99: 404")
    assert "complete" not in done.err


async def test_on_a_terminal_a_file_that_is_verified_is_one_line(
    fake: FakePostHog, tmp_path: Path
) -> None:
    await ran(fake, "export", "persons", "--out", "p.ndjson", cwd=tmp_path)

    code, text = await on_a_terminal(fake, "verify", "p.ndjson", cwd=tmp_path)

    assert code == 0
    assert text.startswith("OK ")
    assert "".join(text.split()).endswith("p.ndjson:2,500rows")


async def test_an_export_that_cannot_be_proven_complete_is_exit_code_3(
    fake: FakePostHog, tmp_path: Path
) -> None:
    row = {"uuid": "0190f000-0000-7000-8000-000000000001", "created_at": "2026-01-01T00:00:00Z"}
    for rows, times in (([row], 1), ([], 99)):
        page = {"results": rows, "next": None, "has_next": True}
        fake.faults.append(Fault(200, body=page, times=times))

    done = await ran(fake, "export", "persons", "--out", "p.ndjson", cwd=tmp_path)

    assert done.code == 3
    assert "rows may be missing" in done.err
    assert names_in(tmp_path) == ["p.ndjson"]


async def test_all_projects_of_a_key_that_may_not_list_them_is_an_error(
    fake: FakePostHog, tmp_path: Path
) -> None:
    fake.faults.append(Fault(403, path="/api/projects/", times=9))

    done = await ran(fake, "export", "persons", "--all-projects", "--out", "people", cwd=tmp_path)

    assert done.code == 1
    assert "403" in done.err


async def test_nobody_knows_how_many_logs_there_will_be(fake: FakePostHog, env: PostHogEnv) -> None:
    assert await total_of(env.logs.query(date_from="-1m")) is None
    assert fake.requests == []


async def test_a_limit_that_is_shared_is_not_shown_as_used_up(
    fake: FakePostHog, tmp_path: Path
) -> None:
    words = ("--out", "a.ndjson", "--sqlite", "limits.db", "--limit", "2/1", "--wait", *SLOWLY)

    code, text = await on_a_real_terminal(fake, "export", "persons", *words, cwd=tmp_path)

    assert code == 0
    assert "is used up" not in text
