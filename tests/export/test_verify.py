"""An export is whole or not there, and its manifest proves which."""

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from exports import FORMATS, beside
from posthog_env_async import BadRequestError, CheckpointError, ConfigurationError, PostHogEnv
from posthog_env_async.export import Manifest, export, verify
from posthog_env_async.pagination import source_of
from posthog_env_async.testing import FakePostHog, Fault

# whole or not there


@pytest.mark.parametrize("suffix", FORMATS)
async def test_the_name_appears_only_when_all_is_there(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"
    fake.faults.append(Fault(400, after=3))

    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500), path)

    assert beside(path) == {".part", ".checkpoint.json"}
    assert (await verify(path)).problems[0] == (
        f"an export to {path.name} is unfinished: run it again to go on"
    )


async def test_a_finished_file_stays_intact_while_the_next_export_is_unfinished(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    path = tmp_path / "p.ndjson"
    await export(env.persons.list(), path)
    fake.faults.append(Fault(400, after=1))
    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500), path)

    whole = await verify(path)
    path.write_bytes(path.read_bytes()[:-1])
    cut = await verify(path)

    assert whole.ok
    assert "is unfinished" in cut.problems[0]
    assert "bytes instead of" in cut.problems[1]


async def test_a_finished_export_is_replaced_by_the_next_at_once(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    path = tmp_path / "p.ndjson"
    await export(env.persons.list(), path)
    before = path.read_bytes()
    fake.insert(5)
    fake.faults.append(Fault(400, after=1))

    with pytest.raises(BadRequestError):
        await export(env.persons.list(), path)
    between = path.read_bytes()
    report = await export(env.persons.list(), path)

    assert between == before
    assert report.rows == 2_505
    assert (await verify(path)).ok


async def test_an_export_that_crashed_right_before_its_name_appeared_is_only_named(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    path, manifest = tmp_path / "p.ndjson", tmp_path / "p.ndjson.manifest.json"
    manifest.mkdir()
    with pytest.raises(ConfigurationError, match="cannot write"):
        await export(env.persons.list(), path)
    between = beside(path)
    manifest.rmdir()
    fake.requests.clear()

    report = await export(env.persons.list(), path)

    assert between == {"", ".checkpoint.json", ".manifest.json"}
    assert (report.rows, report.resumed, fake.requests) == (2_500, True, [])
    assert (await verify(path)).ok


async def test_a_finished_file_that_vanished_before_its_manifest_is_an_error(
    env: PostHogEnv, tmp_path: Path
) -> None:
    path, manifest = tmp_path / "p.ndjson", tmp_path / "p.ndjson.manifest.json"
    manifest.mkdir()
    with pytest.raises(ConfigurationError, match="cannot write"):
        await export(env.persons.list(), path)
    path.unlink()

    with pytest.raises(CheckpointError, match="missing or was changed"):
        await export(env.persons.list(), path)


# the verdict


async def test_the_manifest_says_what_the_file_is(env: PostHogEnv, tmp_path: Path) -> None:
    listing, path = env.persons.list(), tmp_path / "p.csv"

    report = await export(listing, path, about={"server": env.host, "project": "1"})

    manifest = json.loads(report.manifest.read_text())
    assert manifest["query"] == source_of(listing).subject.fingerprint
    assert manifest["about"] == {"server": env.host, "project": "1"}
    assert (manifest["rows"], manifest["requests"]) == (2_500, report.requests)
    assert manifest["files"][0]["sha256"] == report.sha256
    assert manifest["listing"]["complete"] is manifest["complete"] is True
    assert manifest["tool"].startswith("posthog_env_async ")
    assert manifest["listing"]["end_proven"] is True
    assert {"moved", "contradictions", "bad_rows"} <= set(manifest["listing"])
    assert report.listing.end_proven
    assert manifest["started"] <= manifest["finished"]


async def test_a_file_that_is_complete_is_verified_by_its_name_or_its_manifest_s(
    env: PostHogEnv, tmp_path: Path
) -> None:
    report = await export(env.persons.list(), tmp_path / "p.ndjson")

    by_name, by_manifest = await verify(report.path), await verify(report.manifest)

    assert by_name == by_manifest
    assert (by_name.ok, by_name.path) == (True, report.path)


async def test_a_file_that_is_not_what_the_manifest_says_is_found_out(
    env: PostHogEnv, tmp_path: Path
) -> None:
    path = tmp_path / "p.ndjson"
    await export(env.persons.list(), path)
    data = path.read_bytes()

    path.write_bytes(data[:-1])
    cut = await verify(path)
    path.write_bytes(b" " + data[1:])
    changed = await verify(path)
    path.unlink()
    missing = await verify(path)

    assert cut.problems == (f"p.ndjson has {len(data) - 1} bytes instead of {len(data)}",)
    assert "was changed" in changed.problems[0]
    assert "cannot be read" in missing.problems[0]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "No such file"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"version": 7}', "another version"),
    ],
)
async def test_a_manifest_that_cannot_be_read_is_a_problem(
    tmp_path: Path, manifest: str | None, said: str
) -> None:
    (tmp_path / "p.ndjson").write_text("{}\n")
    if manifest is not None:
        (tmp_path / "p.ndjson.manifest.json").write_text(manifest)

    found = await verify(tmp_path / "p.ndjson")

    assert not found.ok
    assert said in found.problems[0]


def reseal(path: Path, **fields: Any) -> None:
    attrs.evolve(Manifest.load(path), **fields).save(path)


async def test_a_listing_that_could_not_prove_itself_complete_is_not_verified(
    env: PostHogEnv, tmp_path: Path
) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    reseal(report.manifest, complete=False)

    found = await verify(report.path)

    assert "complete is false" in found.problems[0]


@pytest.mark.parametrize("change", [{"complete": True}, {"rows": 6}, {"kind": "batch"}])
async def test_a_manifest_that_was_changed_is_a_problem(
    env: PostHogEnv, tmp_path: Path, change: dict[str, Any]
) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    reseal(report.manifest, complete=False)
    fields = json.loads(report.manifest.read_text())
    report.manifest.write_text(json.dumps(fields | change))

    found = await verify(report.path)

    assert "damaged or was changed" in found.problems[0]


async def test_rows_that_do_not_add_up_are_not_verified(env: PostHogEnv, tmp_path: Path) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    reseal(report.manifest, rows=6)

    found = await verify(report.path)

    assert found.problems == ("the rows of the file are not the manifest's",)


async def test_a_manifest_of_several_files_is_a_problem(env: PostHogEnv, tmp_path: Path) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    reseal(report.manifest, files=Manifest.load(report.manifest).files * 2)

    found = await verify(report.path)

    assert found.problems == ("the manifest of p.ndjson describes 2 files",)


async def test_what_cannot_be_counted_is_verified_by_its_hash(
    env: PostHogEnv, tmp_path: Path
) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    reseal(report.manifest, compression="lz4")

    unchanged = await verify(report.path)
    report.path.write_bytes(report.path.read_bytes()[::-1])
    changed = await verify(report.path)

    assert unchanged.ok
    assert "was changed" in changed.problems[0]


VERIFIED = """
import asyncio, sys
sys.modules["pyarrow"] = None
from posthog_env_async.export import verify

print(asyncio.run(verify(sys.argv[1])).problems)
"""


async def test_a_parquet_file_is_verified_without_pyarrow(env: PostHogEnv, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    report = await export(env.persons.list(max_items=5), tmp_path / "p.parquet")

    done = await anyio.run_process([sys.executable, "-c", VERIFIED, str(report.path)])

    assert done.stdout == b"()\n"


@pytest.mark.parametrize("suffix", FORMATS)
async def test_the_rows_of_every_format_are_counted(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    fake.add_person(properties={"text": 'two\nlines, "quoted"\r\n', "long": "x" * 200_000})
    report = await export(env.persons.list(), tmp_path / f"p.{suffix}")
    manifest = Manifest.load(report.manifest)
    file = attrs.evolve(manifest.files[0], rows=2_502)

    before = await verify(report.path)
    manifest = attrs.evolve(manifest, rows=2_502, files=(file,))
    manifest.save(report.manifest)
    after = await verify(report.path)

    assert before.ok
    assert after.problems == (f"p.{suffix} has 2501 rows instead of 2502",)


@pytest.mark.parametrize(
    "fields",
    [{"format": "parquet"}, {"compression": "gzip"}, {"compression": "zstd"}],
    ids=lambda fields: next(iter(fields.values())),
)
async def test_a_file_that_is_not_of_its_manifest_s_kind_is_a_problem(
    env: PostHogEnv, tmp_path: Path, fields: dict[str, Any]
) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    reseal(report.manifest, **fields)

    found = await verify(report.path)

    assert "p.ndjson cannot be read as" in found.problems[0]


async def test_a_copied_manifest_does_not_certify_another_file(
    env: PostHogEnv, tmp_path: Path
) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "a.ndjson")
    (tmp_path / "b.ndjson.manifest.json").write_bytes(report.manifest.read_bytes())

    missing = await verify(tmp_path / "b.ndjson")
    (tmp_path / "b.ndjson").write_bytes(report.path.read_bytes()[::-1])
    other = await verify(tmp_path / "b.ndjson")

    assert "b.ndjson cannot be read" in missing.problems[0]
    assert "b.ndjson was changed" in other.problems[0]
    assert (await verify(report.path)).ok


async def test_a_folder_is_verified_file_by_file(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    nothing = await verify(tmp_path)
    await export(env.persons.list(max_items=5), tmp_path / "a.ndjson")
    await export(env.persons.list(max_items=5), tmp_path / "b.csv.gz")
    (tmp_path / "notes.txt").write_text("mine")
    whole = await verify(tmp_path)
    (tmp_path / "b.csv.gz.manifest.json").unlink()
    (tmp_path / "a.ndjson").unlink()
    fake.faults.append(Fault(400, after=1))
    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500), tmp_path / "c.ndjson")
    broken = await verify(tmp_path)

    assert nothing.problems == ("there is no export in it",)
    assert whole.ok
    assert [found.path.name for found in whole.files] == ["a.ndjson", "b.csv.gz"]
    assert [found.path.name for found in broken.files] == ["a.ndjson", "b.csv.gz", "c.ndjson"]
    assert [found.ok for found in broken.files] == [False] * 3
    assert any("c.ndjson is unfinished" in problem for problem in broken.problems)


@pytest.mark.parametrize("path", [b"p.ndjson", 7, None, "", "a\0b", "lone\ud800"])
async def test_what_is_no_path_is_refused(env: PostHogEnv, path: Any) -> None:
    with pytest.raises(ConfigurationError, match="a path must be"):
        await verify(path)
    with pytest.raises(ConfigurationError, match="a path must be"):
        await export(env.persons.list(), path)
