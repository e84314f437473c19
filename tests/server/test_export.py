"""One export: the right bytes, whole or not there, and gone on with after whatever happened."""

import asyncio
import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from posthog_env_async import (
    Backoff,
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    PostHogEnv,
    PropertyFilter,
    RateLimitError,
    ServerError,
)
from posthog_env_async.export import Progress, export, verify
from posthog_env_async.testing import FakePostHog, Fault

FORMATS = ["ndjson", "jsonl", "ndjson.gz", "ndjson.zst", "csv", "csv.gz", "parquet"]
PERSONS = "/persons/"


async def lines_of(env: PostHogEnv, **filters: Any) -> list[bytes]:
    return [row async for row in env.persons.list(**filters).rows()]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def beside(path: Path) -> set[str]:
    return {found.name.removeprefix(path.name) for found in path.parent.iterdir()}


def content(path: Path) -> bytes:
    """Read what is inside, whatever it is compressed with."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        zstd = pytest.importorskip("backports.zstd")
        return bytes(zstd.decompress(path.read_bytes()))
    return path.read_bytes()


def records(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(path).decode(), newline="")))


def parquet(path: Path) -> Any:
    return pytest.importorskip("pyarrow.parquet").read_table(path)


# what is in the file


async def test_ndjson_holds_the_rows_as_the_server_sent_them(
    env: PostHogEnv, tmp_path: Path
) -> None:
    report = await export(env.persons.list(page_size=700, prefetch=2), tmp_path / "p.ndjson")

    assert (tmp_path / "p.ndjson").read_bytes().splitlines() == await lines_of(env)
    assert (report.rows, report.complete, report.format) == (2_500, True, "ndjson")


async def test_odd_persons_come_out_byte_for_byte(tmp_path: Path) -> None:
    async with FakePostHog(200, odd_persons=True, mode="routes") as fake, client(fake) as env:
        pages = [page.raw async for page in env.persons.list(page_size=200).pages()]

        await export(env.persons.list(), tmp_path / "p.ndjson")

        found = (tmp_path / "p.ndjson").read_bytes().splitlines()
        assert len(found) == 200
        assert [line for line in found if line not in pages[0]] == []


async def test_a_line_break_between_the_tokens_of_a_row_does_not_break_a_line(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    pretty = (
        b'{"next": null, "results": [{\r\n "id": "a",\n "uuid": "a"\n}, {"id": "b",\r"uuid": "b"}]}'
    )
    fake.faults.append(Fault(200, body=pretty))

    await export(env.persons.list(), tmp_path / "p.ndjson")

    lines = (tmp_path / "p.ndjson").read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b"]


@pytest.mark.parametrize("suffix", ["ndjson.gz", "ndjson.zst"])
async def test_what_is_compressed_is_the_same_inside(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"

    report = await export(env.persons.list(page_size=400), path, checkpoint_every=0.0)

    assert content(path).splitlines() == await lines_of(env)
    assert report.bytes == path.stat().st_size


@pytest.mark.parametrize("suffix", FORMATS)
async def test_an_export_of_nobody_is_a_whole_file(tmp_path: Path, suffix: str) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        report = await export(env.persons.list(), tmp_path / f"p.{suffix}")

        assert (report.rows, report.complete) == (0, True)
        assert (await verify(tmp_path / f"p.{suffix}")).ok
        if suffix == "parquet":
            assert parquet(tmp_path / "p.parquet").num_rows == 0
        else:
            assert content(tmp_path / f"p.{suffix}") in {b"", b"_rest\r\n"}


async def test_folders_logs_and_any_listing_can_be_exported(
    env: PostHogEnv, tmp_path: Path
) -> None:
    folder = await env.persisted_folders.create("pinned", protocol="products://", path="a")

    folders = await export(env.persisted_folders.list(), tmp_path / "f.ndjson")
    logs = await export(env.logs.query(max_items=50, page_size=20), tmp_path / "l.ndjson")
    others = await export(env.listing("persisted_folder/"), tmp_path / "o.csv")

    assert folders.rows == others.rows == len(records(tmp_path / "o.csv"))
    assert str(folder.id) in (tmp_path / "f.ndjson").read_text()
    assert (logs.rows, logs.complete) == (50, True)


async def test_the_progress_counts_up_to_the_end(env: PostHogEnv, tmp_path: Path) -> None:
    seen: list[Progress] = []

    await export(env.persons.list(page_size=500), tmp_path / "p.csv", on_progress=seen.append)

    assert [progress.rows for progress in seen][-1] == 2_500
    assert [progress.rows for progress in seen] == sorted(progress.rows for progress in seen)
    assert [progress.phase for progress in seen][-1] == "done"
    assert seen[-1].rows_per_second > 0
    assert seen[-1].bytes == (tmp_path / "p.csv").stat().st_size


# CSV


async def test_csv_has_a_column_for_each_field_and_each_property(
    env: PostHogEnv, tmp_path: Path
) -> None:
    await export(env.persons.list(), tmp_path / "p.csv")

    found = records(tmp_path / "p.csv")
    persons = [json.loads(line) for line in await lines_of(env)]
    assert [row["uuid"] for row in found] == [person["uuid"] for person in persons]
    assert [row["properties.email"] for row in found] == [p["properties"]["email"] for p in persons]
    assert json.loads(found[0]["distinct_ids"]) == persons[0]["distinct_ids"]
    assert found[0]["properties.beta"] in {"true", "false"}
    assert found[0]["value_at_data_point"] == ""


async def test_a_property_that_the_sample_did_not_show_is_in_the_last_column(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    fake.add_person(properties={"late": {"deep": [1, None]}, "email": "x@example.com"})
    for _ in range(1_000):
        fake.add_person(properties={"email": "y@example.com"})

    await export(env.persons.list(max_items=1_001), tmp_path / "p.csv")

    last = records(tmp_path / "p.csv")[-1]
    assert "properties.late" not in last
    assert json.loads(last["_rest"]) == {"properties.late": {"deep": [1, None]}}


async def test_chosen_csv_columns_are_the_only_ones_in_their_order(
    env: PostHogEnv, tmp_path: Path
) -> None:
    columns = ["properties.email", "uuid", "properties.unheard"]

    await export(env.persons.list(), tmp_path / "p.csv", columns=columns)

    found = records(tmp_path / "p.csv")
    assert list(found[0]) == columns
    assert {row["properties.unheard"] for row in found} == {""}


async def test_texts_of_csv_survive_quotes_breaks_and_surrogates(tmp_path: Path) -> None:
    texts = ['a "b", c', "two\nlines", "carriage\rreturn", "naïve ☃", "=1+1", "-5"]
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        for text in texts:
            fake.add_person(properties={"text": text, "number": -5})
        fake.add_person(properties={"text": "lone \ud800"})

        await export(env.persons.list(), tmp_path / "p.csv")

        found = records(tmp_path / "p.csv")
        assert [row["properties.text"] for row in found] == ["lone \\ud800", *reversed(texts)]


async def test_cells_that_a_spreadsheet_would_run_are_quoted_on_request(tmp_path: Path) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "fine"]:
            fake.add_person(properties={"text": text, "=number": -5})

        await export(env.persons.list(), tmp_path / "p.csv", quote_formulas=True)

        found = records(tmp_path / "p.csv")
        texts = [row["properties.text"] for row in found]
        assert texts == ["fine", "'\tx", "'@x", "'-1", "'+1", "'=1+1"]
        assert {row["properties.=number"] for row in found} == {"-5"}


async def test_a_row_that_is_no_object_has_one_column(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    body = {"next": None, "results": ["a", 1]}
    fake.faults += [Fault(200, body=body), Fault(200, body=body)]

    await export(env.listing("names/"), tmp_path / "n.csv")
    await export(env.listing("names/"), tmp_path / "n.parquet")

    assert [row["value"] for row in records(tmp_path / "n.csv")] == ["a", "1"]
    assert parquet(tmp_path / "n.parquet").to_pylist() == [
        {"value": '"a"', "extra": None},
        {"value": "1", "extra": None},
    ]


# Parquet


async def test_parquet_has_the_model_s_fields_with_their_types(
    env: PostHogEnv, tmp_path: Path
) -> None:
    await export(env.persons.list(), tmp_path / "p.parquet")

    table = parquet(tmp_path / "p.parquet")
    persons = await env.persons.list().collect()
    types = {field.name: str(field.type) for field in table.schema}
    assert types["created_at"] == "timestamp[us, tz=UTC]"
    assert (types["is_identified"], types["properties"]) == ("bool", "string")
    assert table["created_at"].to_pylist() == [person.created_at for person in persons]
    assert table["distinct_ids"].to_pylist() == [list(person.distinct_ids) for person in persons]
    found = [json.loads(text) for text in table["properties"].to_pylist()]
    assert found == [dict(person.properties) for person in persons]


async def test_properties_can_be_parquet_columns_of_their_own(
    env: PostHogEnv, tmp_path: Path
) -> None:
    kinds = {
        "visits": "integer",
        "score": "number",
        "beta": "boolean",
        "email": "integer",
        "name": "number",
        "plan": "time",
    }

    await export(
        env.persons.list(), tmp_path / "p.parquet", columns=["uuid"], property_columns=kinds
    )

    table = parquet(tmp_path / "p.parquet")
    assert table.column_names == ["uuid", *(f"properties.{name}" for name in kinds)]
    persons = await env.persons.list().collect()
    assert table["properties.visits"].to_pylist() == [p.properties["visits"] for p in persons]
    assert table["properties.beta"].to_pylist() == [p.properties["beta"] for p in persons]
    assert [set(table[f"properties.{n}"].to_pylist()) for n in ("email", "name", "plan")] == [
        {None}
    ] * 3


async def test_what_does_not_fit_a_parquet_column_is_kept_in_the_extra_one(tmp_path: Path) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        fake.add_person(is_identified="perhaps", name=["a"], new_field=2**70)

        await export(env.persons.list(), tmp_path / "p.parquet")

        row = parquet(tmp_path / "p.parquet").to_pylist()[0]
        extra = json.loads(row["extra"])
        assert (row["is_identified"], extra["is_identified"]) == (None, "perhaps")
        assert (row["name"], extra["new_field"]) == ('["a"]', 2**70)


async def test_rows_without_a_model_show_their_own_parquet_types(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    rows = [
        {"id": 1, "mixed": 1, "text": "x", "when": "2026-01-02T03:04:05Z", "none": None},
        {"id": 2, "mixed": "a", "text": "2026-01-02T03:04:05Z", "when": None, "tags": ["b"]},
    ]
    fake.faults.append(Fault(200, body={"next": None, "results": rows}))

    await export(env.listing("cohorts/"), tmp_path / "c.parquet")

    table = parquet(tmp_path / "c.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["id"], types["when"]) == ("int64", "timestamp[us, tz=UTC]")
    assert (types["mixed"], types["text"], types["none"]) == ("string", "string", "string")
    assert table["mixed"].to_pylist() == ["1", '"a"']
    assert table["tags"].to_pylist() == [None, ["b"]]


async def test_a_model_gives_an_empty_parquet_file_its_columns(tmp_path: Path) -> None:
    from posthog_env_async import Person

    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        await export(env.persons.list(), tmp_path / "p.parquet", model=Person)

        assert "distinct_ids" in parquet(tmp_path / "p.parquet").column_names


# whole or not there


@pytest.mark.parametrize("suffix", FORMATS)
async def test_the_name_appears_only_when_all_is_there(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"
    fake.faults.append(Fault(400, after=2))

    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500), path)

    assert beside(path) == {".part", ".checkpoint.json"}
    assert (await verify(path)).problems[0] == (
        f"an export to {path.name} is unfinished: run it again to go on"
    )


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("page", [0, 1, 3, 4])
async def test_the_same_call_goes_on_and_ends_with_the_same_file(
    *, fake: FakePostHog, env: PostHogEnv, tmp_path: Path, suffix: str, page: int
) -> None:
    listing, path = env.persons.list(page_size=500, prefetch=1), tmp_path / f"p.{suffix}"
    unbroken = tmp_path / "unbroken" / path.name
    unbroken.parent.mkdir()
    await export(listing, unbroken)
    fake.faults.append(Fault(400, after=page, path=PERSONS))

    with pytest.raises(BadRequestError):
        await export(listing, path)
    report = await export(listing, path)

    assert report.complete
    assert report.rows == report.listing.items == 2_500
    assert content(path) == content(unbroken)
    assert beside(path) == {"", ".manifest.json", "unbroken"}


async def test_what_was_read_before_a_failure_is_not_asked_for_again(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    listing = env.persons.list(page_size=250)
    fake.faults.append(Fault(400, after=8))
    with pytest.raises(BadRequestError) as caught:
        await export(listing, tmp_path / "p.ndjson")
    fake.requests.clear()

    report = await export(listing, tmp_path / "p.ndjson")

    assert len(fake.requests) <= 4
    assert report.resumed
    assert report.resumed_rows >= 1_900
    assert report.requests == report.listing.requests == 9 + len(fake.requests)
    assert caught.value.resume_token is not None


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


async def test_a_wait_above_the_maximum_surfaces_and_the_export_goes_on_later(
    fake: FakePostHog, tmp_path: Path
) -> None:
    async with client(fake) as env:
        fake.faults.append(Fault(429, headers={"Retry-After": "4000"}, after=2))

        with pytest.raises(RateLimitError) as caught:
            await export(env.persons.list(page_size=1_000), tmp_path / "p.ndjson")

    assert caught.value.retry_after == 4_000
    async with client(fake) as env:
        report = await export(env.persons.list(page_size=1_000), tmp_path / "p.ndjson")
        assert (report.rows, report.resumed_rows, report.complete) == (2_500, 2_000, True)


@pytest.mark.parametrize("suffix", FORMATS)
async def test_a_cancelled_export_keeps_what_it_read(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    path, rows = tmp_path / f"p.{suffix}", await lines_of(env)

    with anyio.CancelScope() as scope:
        await export(
            env.persons.list(page_size=400, prefetch=2),
            path,
            on_progress=lambda progress: scope.cancel() if progress.rows >= 1_500 else None,
        )
    kept = json.loads((tmp_path / f"p.{suffix}.checkpoint.json").read_text())
    report = await export(env.persons.list(page_size=400), path)

    assert scope.cancelled_caught
    assert kept["rows"] >= 1_500
    assert (report.rows, report.resumed_rows) == (len(rows), kept["rows"])


@pytest.mark.parametrize("ticks", range(0, 48, 3))
async def test_a_task_cancelled_at_any_moment_leaves_a_file_to_go_on_with(
    env: PostHogEnv, tmp_path: Path, ticks: int
) -> None:
    listing, path = env.persons.list(page_size=100), tmp_path / "p.ndjson.gz"
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def cancel_in(ticks: int) -> None:
        if ticks:
            loop.call_soon(cancel_in, ticks - 1)
        else:
            task.cancel()

    task = asyncio.create_task(
        export(listing, path, checkpoint_every=0.0, on_progress=lambda _: begun.set())
    )
    await begun.wait()
    cancel_in(ticks)
    with pytest.raises(asyncio.CancelledError):
        await task
    report = await export(listing, path)

    assert report.resumed_rows > 0
    assert content(path).splitlines() == await lines_of(env)


async def test_an_error_of_the_progress_callback_comes_out_and_nothing_is_lost(
    env: PostHogEnv, tmp_path: Path
) -> None:
    def fail(_: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await export(env.persons.list(page_size=500), tmp_path / "p.ndjson", on_progress=fail)
    report = await export(env.persons.list(page_size=500), tmp_path / "p.ndjson")

    assert report.resumed_rows == 500


# checkpoints of something else


async def unfinished(env: PostHogEnv, fake: FakePostHog, path: Path, **filters: Any) -> None:
    fake.faults.append(Fault(400, after=2))
    with pytest.raises(BadRequestError):
        await export(env.persons.list(page_size=500, **filters), path)


async def test_a_checkpoint_of_another_query_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson", search="example")

    with pytest.raises(CheckpointError, match="another query"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_a_checkpoint_of_another_project_is_refused(tmp_path: Path) -> None:
    async with FakePostHog({1: 2_000, 2: 10}, mode="routes") as fake, client(fake) as env:
        await unfinished(env, fake, tmp_path / "p.ndjson")

        with pytest.raises(CheckpointError, match="another project"):
            await export(env.for_project(2).persons.list(), tmp_path / "p.ndjson")


async def test_a_checkpoint_of_another_host_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")

    async with FakePostHog(10, mode="routes") as elsewhere, client(elsewhere) as other:
        with pytest.raises(CheckpointError, match="another host"):
            await export(other.persons.list(), tmp_path / "p.ndjson")


async def test_a_checkpoint_with_another_choice_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.csv")

    with pytest.raises(CheckpointError, match="another columns"):
        await export(env.persons.list(), tmp_path / "p.csv", columns=["uuid"])
    with pytest.raises(CheckpointError, match="another max_items"):
        await export(env.persons.list(max_items=5), tmp_path / "p.csv")
    with pytest.raises(CheckpointError, match="another format"):
        await export(env.persons.list(), tmp_path / "p.csv", format="ndjson")
    with pytest.raises(CheckpointError, match="another compression"):
        await export(env.persons.list(), tmp_path / "p.csv", compression="gzip")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [('"version": 1', '"version": 99', "another version"), ('"version": 1', '"', "damaged")],
)
async def test_a_checkpoint_that_cannot_be_read_is_refused(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, old: str, new: str, said: str
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    checkpoint = tmp_path / "p.ndjson.checkpoint.json"
    checkpoint.write_text(checkpoint.read_text().replace(old, new))

    with pytest.raises(CheckpointError, match=f"{said}.*resume=False"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_starting_over_drops_what_was_there(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson", search="example")

    report = await export(env.persons.list(), tmp_path / "p.ndjson", resume=False)

    assert (report.rows, report.resumed) == (2_500, False)


async def test_a_part_that_was_changed_is_refused(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    part = tmp_path / "p.ndjson.part"
    part.write_bytes(b"x" + part.read_bytes()[1:])

    with pytest.raises(CheckpointError, match="is not what its checkpoint describes"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_a_part_that_is_gone_is_said(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    await unfinished(env, fake, tmp_path / "p.ndjson")
    (tmp_path / "p.ndjson.part").unlink()

    with pytest.raises(CheckpointError, match="missing or is not what"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


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


async def test_a_finished_file_that_vanished_before_its_manifest_is_said(
    env: PostHogEnv, tmp_path: Path
) -> None:
    path, manifest = tmp_path / "p.ndjson", tmp_path / "p.ndjson.manifest.json"
    manifest.mkdir()
    with pytest.raises(ConfigurationError, match="cannot write"):
        await export(env.persons.list(), path)
    path.unlink()

    with pytest.raises(CheckpointError, match="missing or was changed"):
        await export(env.persons.list(), path)


async def test_a_part_that_is_somebody_else_s_is_left_alone(
    env: PostHogEnv, tmp_path: Path
) -> None:
    (tmp_path / "p.ndjson.part").write_bytes(b"a download")

    with pytest.raises(CheckpointError, match="has no checkpoint"):
        await export(env.persons.list(), tmp_path / "p.ndjson")

    assert (tmp_path / "p.ndjson.part").read_bytes() == b"a download"


async def test_the_files_hold_neither_key_nor_search(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    plan = PropertyFilter("plan", "secretplan")
    listing = env.persons.list(search="ada.secret", email="e@secret.example", properties=[plan])

    await export(listing, tmp_path / "done.ndjson", about={"project": "1"})
    fake.faults.append(Fault(400))
    with pytest.raises(BadRequestError):
        await export(listing, tmp_path / "broken.ndjson")

    texts = [found.read_text() for found in files(tmp_path) if found.suffix == ".json"]
    assert len(texts) == 2
    assert [t for t in texts if fake.key in t or "secret" in t or "phx_" in t] == []


# one writer


async def test_two_exports_to_one_path_do_not_write_at_once(
    env: PostHogEnv, tmp_path: Path
) -> None:
    errors: list[CheckpointError] = []

    def second(_: Progress) -> None:
        if not errors and not tasks:
            tasks.append(asyncio.create_task(export(env.persons.list(), tmp_path / "p.ndjson")))

    tasks: list[asyncio.Task[Any]] = []
    report = await export(env.persons.list(page_size=50), tmp_path / "p.ndjson", on_progress=second)
    with pytest.raises(CheckpointError, match=r"another export writes p\.ndjson now: process \d+"):
        await tasks[0]

    assert report.rows == 2_500
    assert beside(tmp_path / "p.ndjson") == {"", ".manifest.json"}


async def test_a_lock_without_a_holder_is_taken_over(env: PostHogEnv, tmp_path: Path) -> None:
    (tmp_path / "p.ndjson.lock").write_text('{"pid": 1, "host": "gone", "since": "then"}')

    report = await export(env.persons.list(), tmp_path / "p.ndjson")

    assert report.rows == 2_500
    assert not (tmp_path / "p.ndjson.lock").exists()


# what the file system does


async def test_a_folder_that_is_not_there_is_said(env: PostHogEnv, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder does not exist"):
        await export(env.persons.list(), tmp_path / "none" / "p.ndjson")


async def test_a_folder_in_place_of_the_file_is_said(env: PostHogEnv, tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").mkdir()

    with pytest.raises(ConfigurationError, match="is a folder"):
        await export(env.persons.list(), tmp_path / "p.ndjson")


async def test_a_folder_that_vanishes_ends_the_export_with_an_error(
    env: PostHogEnv, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    with pytest.raises(ConfigurationError, match="not any more"):
        await export(
            env.persons.list(page_size=500),
            folder / "p.ndjson",
            on_progress=lambda _: shutil.rmtree(folder, ignore_errors=True),
            checkpoint_every=0.0,
        )

    assert not folder.exists()


SMALL_DISK = """
import asyncio, resource, sys
from posthog_env_async import ConfigurationError, PostHogEnv
from posthog_env_async.export import export

async def main(path, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    async with PostHogEnv(1) as env:
        try:
            await export(env.persons.list(page_size=200), path, checkpoint_every=0.0)
        except ConfigurationError as error:
            sys.exit(f"refused: {error}")

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module")
@pytest.mark.parametrize("suffix", ["ndjson", "ndjson.gz", "csv", "parquet"])
async def test_a_file_that_may_not_grow_is_said_and_the_export_goes_on_elsewhen(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"
    environment = {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key}

    done = await anyio.run_process(
        [sys.executable, "-W", "ignore", "-c", SMALL_DISK, str(path), "100000"],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        check=False,
        stderr=subprocess.STDOUT,
    )
    between = beside(path)
    report = await export(env.persons.list(page_size=200), path)

    assert b"refused: cannot write" in done.stdout
    assert b"larger than the system allows" in done.stdout
    assert between == {".part", ".checkpoint.json"}
    assert report.rows == 2_500
    assert (await verify(path)).ok


WITHOUT = """
import asyncio, sys
sys.modules.update(dict.fromkeys(sys.argv[2:]))
from posthog_env_async import ConfigurationError, PostHogEnv
from posthog_env_async.export import export

async def main():
    async with PostHogEnv(1) as env:
        try:
            await export(env.persons.list(), sys.argv[1])
        except ConfigurationError as error:
            sys.exit(str(error))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("suffix", "missing", "said"),
    [
        ("parquet", ["pyarrow"], b"pip install 'posthog-env-async[parquet]'"),
        ("csv.zst", ["backports.zstd", "compression.zstd"], b"posthog-env-async[zstd]"),
        ("csv.gz", ["isal", "isal.igzip"], b""),
    ],
)
async def test_a_missing_extra_is_named_before_anything_is_sent(
    *, fake: FakePostHog, tmp_path: Path, suffix: str, missing: list[str], said: bytes
) -> None:
    environment = {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key}

    done = await anyio.run_process(
        [sys.executable, "-W", "ignore", "-c", WITHOUT, str(tmp_path / f"p.{suffix}"), *missing],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        check=False,
        stderr=subprocess.STDOUT,
    )

    assert said in done.stdout
    assert bool(said) == (fake.requests == [])


# wrong use


@pytest.mark.parametrize(
    ("name", "choices", "said"),
    [
        ("p.txt", {}, "format of 'p.txt' is unknown"),
        ("p", {}, "unknown"),
        ("p.parquet.gz", {}, "compressed inside"),
        ("p.ndjson", {"format": "xml"}, "unknown"),
        ("p.ndjson", {"compression": "lz4"}, "'none', 'gzip' or 'zstd'"),
        ("p.ndjson", {"columns": ["uuid"]}, "NDJSON has no columns"),
        ("p.csv", {"columns": "uuid"}, "list of names"),
        ("p.csv", {"columns": []}, "some, and each only once"),
        ("p.csv", {"columns": ["a", "a"]}, "some, and each only once"),
        ("p.csv", {"property_columns": ["plan"]}, "are for Parquet"),
        ("p.parquet", {"property_columns": "plan"}, "list of names"),
        ("p.parquet", {"property_columns": {"plan": "str"}}, "type of 'plan'"),
        ("p.parquet", {"quote_formulas": True}, "for CSV"),
    ],
)
async def test_what_cannot_work_is_said_before_anything_is_sent(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, name: str, choices: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await export(env.persons.list(), tmp_path / name, **choices)

    assert fake.requests == []
    assert files(tmp_path) == []


async def test_a_parquet_column_that_there_is_not_is_said_and_the_rows_are_kept(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="no column 'mail': choose from uuid"):
        await export(env.persons.list(), tmp_path / "p.parquet", columns=["mail"])
    fake.requests.clear()

    report = await export(env.persons.list(), tmp_path / "p.parquet", columns=["name"])

    assert (report.rows, fake.requests) == (2_500, [])


# the verdict


async def test_the_manifest_says_what_the_file_is(env: PostHogEnv, tmp_path: Path) -> None:
    listing, path = env.persons.list(), tmp_path / "p.csv"

    report = await export(listing, path, about={"server": env.host, "project": "1"})

    manifest = json.loads(report.manifest.read_text())
    assert manifest["query"] == listing.subject.fingerprint
    assert manifest["about"] == {"server": env.host, "project": "1"}
    assert (manifest["rows"], manifest["requests"]) == (2_500, report.requests)
    assert manifest["files"][0]["sha256"] == report.sha256
    assert manifest["listing"]["complete"] is manifest["complete"] is True
    assert manifest["tool"].startswith("posthog_env_async ")
    assert manifest["started"] <= manifest["finished"]


async def test_a_file_that_is_whole_is_verified_by_its_name_or_its_manifest_s(
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


async def test_a_listing_that_could_not_prove_itself_whole_is_not_verified(
    env: PostHogEnv, tmp_path: Path
) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    text = report.manifest.read_text()
    report.manifest.write_text(text.replace('"complete": true', '"complete": false'))

    found = await verify(report.path)

    assert "complete is false" in found.problems[0]


async def test_rows_that_do_not_add_up_are_not_verified(env: PostHogEnv, tmp_path: Path) -> None:
    report = await export(env.persons.list(max_items=5), tmp_path / "p.ndjson")
    fields = json.loads(report.manifest.read_text())
    report.manifest.write_text(json.dumps(fields | {"rows": 6}))

    found = await verify(report.path)

    assert found.problems == ("the rows of the files do not add up to the manifest's",)


async def test_a_server_error_is_the_caller_s_to_see(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fake.faults.append(Fault(500, times=5))

    with pytest.raises(ServerError):
        await export(env.persons.list(), tmp_path / "p.ndjson")


def client(fake: FakePostHog) -> PostHogEnv:
    return PostHogEnv(1, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0), limits=None)
