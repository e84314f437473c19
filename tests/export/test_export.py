"""One export: the right bytes, whatever is listed, and wrong use said before it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from exports import FORMATS, client, content, files, lines_of, parquet, records
from posthog_env_async import (
    BadRequestError,
    ConfigurationError,
    ExportWarning,
    PostHogEnv,
    PropertyFilter,
    ResponseDecodeError,
)
from posthog_env_async.events import Event, ExportCheckpointed, ExportEnded
from posthog_env_async.export import Progress, export, verify
from posthog_env_async.testing import FakePostHog, Fault

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


async def test_a_row_that_is_not_utf8_is_not_written(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    row = '{"uuid":"018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01","name":"Zo\u00eb"}'
    body = f'{{"results":[{row}],"next":null}}'.encode("latin-1")
    fake.faults.append(Fault(200, body=body))

    with pytest.raises(ResponseDecodeError, match="not UTF-8"):
        await export(env.persons.list(), tmp_path / "p.ndjson")

    assert not (tmp_path / "p.ndjson").exists()


@pytest.mark.parametrize("suffix", ["ndjson.gz", "ndjson.zst"])
async def test_what_is_compressed_is_the_same_inside(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"

    report = await export(env.persons.list(page_size=400), path, checkpoint_every=0.0)

    assert content(path).splitlines() == await lines_of(env)
    assert report.bytes == path.stat().st_size


@pytest.mark.parametrize("suffix", FORMATS)
async def test_an_export_without_rows_is_a_complete_file(tmp_path: Path, suffix: str) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        report = await export(env.persons.list(), tmp_path / f"p.{suffix}")

        assert (report.rows, report.complete) == (0, True)
        assert (await verify(tmp_path / f"p.{suffix}")).ok
        if suffix == "parquet":
            assert parquet(tmp_path / "p.parquet").num_rows == 0
        else:
            header = b"uuid,id,created_at,last_seen_at,is_identified,name,distinct_ids,_rest\r\n"
            assert content(tmp_path / f"p.{suffix}") in {b"", header}


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


async def test_an_observer_is_told_of_checkpoints_and_of_the_end(
    fake: FakePostHog, tmp_path: Path
) -> None:
    seen: list[Event] = []
    observed = PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None, observer=seen.append)
    async with observed as env:
        report = await export(
            env.persons.list(page_size=500), tmp_path / "p.ndjson", checkpoint_every=0.0
        )

    checkpoints = [event for event in seen if isinstance(event, ExportCheckpointed)]
    assert checkpoints[-1] == ExportCheckpointed(rows=2_500, bytes=report.bytes)
    assert [event.rows for event in checkpoints] == sorted({event.rows for event in checkpoints})
    assert seen[-1] == ExportEnded(
        rows=2_500, requests=report.requests, complete=True, seconds=report.seconds
    )


async def test_the_files_hold_neither_key_nor_search(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    plan = PropertyFilter("plan", "secretplan")
    listing = env.persons.list(
        search="ada.secret", email="e@secret.example", properties=[plan], page_size=1
    )
    for _ in range(3):
        secrets = {"email": "e@secret.example", "plan": "secretplan", "name": "ada.secret"}
        fake.add_person(properties=secrets)

    await export(listing, tmp_path / "done.ndjson", about={"project": "1"})
    fake.faults.append(Fault(400, after=1))
    with pytest.raises(BadRequestError):
        await export(listing, tmp_path / "broken.ndjson")

    texts = [found.read_text() for found in files(tmp_path) if found.suffix == ".json"]
    assert len(texts) == 2
    assert [t for t in texts if fake.key in t or "secret" in t or "phx_" in t] == []


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
        ("p.parquet", {"excel": True}, "for CSV"),
        ("p.ndjson", {"safe_names": True}, "NDJSON has no columns"),
    ],
)
async def test_what_cannot_work_is_said_before_anything_is_sent(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, name: str, choices: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await export(env.persons.list(), tmp_path / name, **choices)

    assert fake.requests == []
    assert files(tmp_path) == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("mail", "no column 'mail': choose from uuid"),
        ("distinct_id", "no column 'distinct_id': did you mean 'distinct_ids'?"),
        ("propertys.email", "did you mean 'properties'?"),
        ("uuid.first", "uuid has no keys"),
        ("properties.age=int", "type of 'properties.age' must be one of text, integer"),
        ("properties.age=", "name=type"),
        (".email", "has no name"),
        ("", "has no name"),
    ],
)
async def test_an_unknown_column_is_refused_before_anything_is_sent(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str, column: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        await export(env.persons.list(), tmp_path / f"p.{suffix}", columns=["uuid", column])

    assert fake.requests == []
    assert files(tmp_path) == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
async def test_a_column_of_rows_without_a_model_is_checked_against_the_first_of_them(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    listing = env.listing("persons/", page_size=500)

    with pytest.raises(ConfigurationError, match="no column 'uid': did you mean 'uuid'"):
        await export(listing, tmp_path / f"p.{suffix}", columns=["uid"])
    report = await export(listing, tmp_path / f"p.{suffix}", columns=["uuid"])

    assert report.rows == 2_500


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
async def test_a_property_that_no_row_has_is_warned_of_with_the_nearest_name(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    with pytest.warns(ExportWarning, match=r"'properties\.emial'.*did you mean properties\.email"):
        await export(env.persons.list(), tmp_path / f"p.{suffix}", columns=["properties.emial"])
