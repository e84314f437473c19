"""Crash anywhere, resume: the same content. And what a format writes can be read back."""

import csv
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports import content
from posthog_env_async import Backoff, PostHogEnv
from posthog_env_async.converter import LINE_ROWS, load_page
from posthog_env_async.export import Progress, export, verify
from posthog_env_async.export.files.paths import Target
from posthog_env_async.export.formats.columns import parse_columns
from posthog_env_async.export.formats.csv import CSVEncoder
from posthog_env_async.export.formats.row_writer import NDJSONEncoder
from posthog_env_async.testing import FakePostHog

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
ROWS = st.lists(st.dictionaries(TEXT, JSON, max_size=5), max_size=20)


class CrashError(Exception):
    """What stands for a kill: the files of this very moment are what is left."""


async def crashed_and_resumed(
    env: PostHogEnv, folder: Path, name: str, *, page_size: int, crashes: list[tuple[int, bytes]]
) -> Path:
    """Export; at each crash go on with the files as they were then, and garbage behind the part."""
    listing = env.persons.list(page_size=page_size)
    for number, (pages, garbage) in enumerate(crashes):
        left = folder / f"left{number}"
        try:
            await export(
                listing,
                folder / name,
                on_progress=crash_after(pages, folder, left),
                checkpoint_every=0.0,
            )
        except CrashError:
            folder = left
            with (folder / f"{name}.part").open("ab") as part:
                part.write(garbage)
            (folder / f"{name}.checkpoint.json.tmp").write_bytes(garbage)
    await export(listing, folder / name, checkpoint_every=0.0)
    return folder / name


def crash_after(pages: int, folder: Path, left: Path) -> Any:
    seen: list[Progress] = []

    def crash(progress: Progress) -> None:
        seen.append(progress)
        if progress.phase == "reading" and len(seen) > pages:
            shutil.copytree(folder, left, ignore=shutil.ignore_patterns("left*"))
            raise CrashError

    return crash


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "ndjson.gz", "parquet"])
@settings(max_examples=max(12, settings().max_examples // 20))
@given(
    total=st.integers(0, 60),
    page_size=st.integers(1, 30),
    crashes=st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=30)), max_size=4),
)
def test_an_export_that_crashes_anywhere_ends_with_the_same_content(
    *, suffix: str, total: int, page_size: int, crashes: list[tuple[int, bytes]]
) -> None:
    async def crash_and_go_on() -> tuple[Path, Path]:
        async with FakePostHog(total, mode="routes") as fake:
            client = PostHogEnv(1, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0))
            async with client as env:
                whole = Path(folder, f"whole.{suffix}")
                await export(env.persons.list(page_size=page_size), whole, checkpoint_every=0.0)

                found = await crashed_and_resumed(
                    env, Path(folder), f"p.{suffix}", page_size=page_size, crashes=crashes
                )

                assert (await verify(found)).ok
                return found, whole

    with tempfile.TemporaryDirectory() as folder:
        found, whole = anyio.run(crash_and_go_on)

        assert content(found) == content(whole)


@given(rows=ROWS)
def test_every_row_is_a_line_of_its_own_whatever_is_in_it(rows: list[dict[str, Any]]) -> None:
    texts = [json.dumps(row, indent=number % 3).encode() for number, row in enumerate(rows)]
    page = load_page(b'{"results":[' + b",\r\n".join(texts) + b"]}", LINE_ROWS)

    lines = b"".join(NDJSONEncoder().encode(LINE_ROWS.items(page.rows), first=True)).split(b"\n")

    assert [json.loads(line) for line in lines[:-1]] == rows
    assert lines[-1] == b""


@given(rows=ROWS, pieces=st.integers(1, 20))
def test_csv_is_the_same_written_at_once_or_in_pieces(
    rows: list[dict[str, Any]], pieces: int
) -> None:
    texts = [json.dumps(row).encode() for row in rows]
    columns = parse_columns(["a", "b.c", "extra"])
    at_once, piecewise = CSVEncoder(columns), CSVEncoder(columns)

    whole = b"".join(at_once.encode(texts, first=True))
    parts = [
        b"".join(piecewise.encode(texts[start : start + pieces], first=start == 0))
        for start in range(0, max(1, len(texts)), pieces)
    ]

    assert b"".join(parts) == whole


@given(rows=ROWS)
def test_every_value_of_a_row_is_in_its_csv_record(rows: list[dict[str, Any]]) -> None:
    texts = [json.dumps(row).encode() for row in rows]

    written = b"".join(CSVEncoder().encode(texts, first=True)).decode()

    header, *found = csv.reader(io.StringIO(written, newline=""))
    assert len(found) == len(rows)
    assert {len(record) for record in found} <= {len(header)}


@given(name=st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1))
def test_the_files_beside_an_export_are_in_its_folder_and_all_different(name: str) -> None:
    target = Target.parse(f"/tmp/x/{name}.ndjson")  # noqa: S108 - nothing is written

    files = [target.path, target.part, target.checkpoint, target.manifest]

    assert {file.parent for file in files} == {target.path.parent}
    assert len({*files, target.lock}) == 5
