"""What is exported is really loaded by DuckDB, pandas and pyarrow."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exports import client
from posthog_env_async import Person, PostHogEnv
from posthog_env_async.export import export, export_many
from posthog_env_async.testing import FakePostHog

duckdb = pytest.importorskip("duckdb")
pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")

SUFFIXES = ["ndjson", "ndjson.gz", "ndjson.zst", "csv", "csv.gz", "csv.zst", "parquet"]


async def exported(env: PostHogEnv, path: Path) -> list[Person]:
    """Export in many pieces, so that compressed files have many members or frames."""
    await export(env.persons.list(page_size=200), path, checkpoint_every=0.0)
    return await env.persons.list().collect()


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_duckdb_reads_every_person(env: PostHogEnv, tmp_path: Path, suffix: str) -> None:
    persons = await exported(env, tmp_path / f"p.{suffix}")

    query = f"select uuid, epoch_us(created_at) from '{tmp_path}/p.{suffix}'"  # noqa: S608 - our own file
    found = duckdb.sql(query).fetchall()

    assert [str(uuid) for uuid, _ in found] == [str(person.uuid) for person in persons]
    assert [time for _, time in found] == [microseconds(person) for person in persons]


def microseconds(person: Person) -> int:
    assert person.created_at is not None
    return (person.created_at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("suffix", "way"),
    [
        ("ndjson", "properties.plan"),
        ("csv", '"properties.plan"'),
        ("parquet", "properties ->> '$.plan'"),
    ],
)
async def test_duckdb_reaches_into_properties_of_every_format(
    env: PostHogEnv, tmp_path: Path, suffix: str, way: str
) -> None:
    path = tmp_path / f"p.{suffix}"
    persons = await exported(env, path)

    found = duckdb.sql(f"select {way} from '{path}'").fetchall()  # noqa: S608 - our own file

    assert [plan for (plan,) in found] == [person.properties["plan"] for person in persons]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_pandas_reads_every_person(env: PostHogEnv, tmp_path: Path, suffix: str) -> None:
    persons = await exported(env, tmp_path / f"p.{suffix}")

    frame = in_pandas(tmp_path / f"p.{suffix}")

    assert list(frame["uuid"].astype(str)) == [str(person.uuid) for person in persons]
    assert list(pandas.to_datetime(frame["created_at"], format="ISO8601")) == [
        person.created_at for person in persons
    ]


def in_pandas(path: Path) -> Any:
    if path.suffix == ".zst":
        pytest.importorskip("zstandard")
    if ".ndjson" in path.name:
        return pandas.read_json(path, lines=True)
    if ".csv" in path.name:
        return pandas.read_csv(path)
    return pandas.read_parquet(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_pyarrow_reads_every_person(env: PostHogEnv, tmp_path: Path, suffix: str) -> None:
    persons = await exported(env, tmp_path / f"p.{suffix}")

    table = in_arrow(tmp_path / f"p.{suffix}")

    assert table["uuid"].to_pylist() == [str(person.uuid) for person in persons]


def in_arrow(path: Path) -> Any:
    if path.suffix == ".parquet":
        return pytest.importorskip("pyarrow.parquet").read_table(path)
    packed = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    with pyarrow.input_stream(str(path), compression=packed) as stream:
        if ".ndjson" in path.name:
            return pytest.importorskip("pyarrow.json").read_json(stream)
        return pytest.importorskip("pyarrow.csv").read_csv(stream)


async def test_parquet_texts_are_the_json_that_the_server_sent(
    env: PostHogEnv, tmp_path: Path
) -> None:
    persons = await exported(env, tmp_path / "p.parquet")

    frame = pandas.read_parquet(tmp_path / "p.parquet")

    assert [json.loads(text) for text in frame["properties"]] == [
        dict(p.properties) for p in persons
    ]
    assert str(frame["created_at"].dtype).startswith("datetime64[us")


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "parquet"])
async def test_a_folder_of_exports_is_one_dataset(tmp_path: Path, suffix: str) -> None:
    import pyarrow.dataset

    async with FakePostHog({1: 300, 2: 0, 3: 40}, mode="routes") as fake, client(fake) as env:
        jobs = {
            tmp_path / f"{project}.{suffix}": env.for_project(project).persons.list()
            for project in (1, 2, 3)
        }
        assert (await export_many(jobs)).ok

    paths = [str(path) for path in sorted(tmp_path.glob(f"*.{suffix}"))]
    source = {
        "ndjson": f"read_json('{tmp_path}/*.ndjson')",
        "csv": f"read_csv('{tmp_path}/*.csv', union_by_name = true)",
        "parquet": f"read_parquet('{tmp_path}/*.parquet')",
    }[suffix]
    query = f"select count(*), count(distinct uuid), min(created_at) from {source}"  # noqa: S608 - our own files
    found = duckdb.sql(query).fetchall()
    assert [row[:2] for row in found] == [(340, 340)]
    if suffix == "parquet":
        assert pyarrow.dataset.dataset(paths).count_rows() == 340
        assert len(pandas.read_parquet(paths)) == 340
        polars = pytest.importorskip("polars")
        assert polars.scan_parquet(f"{tmp_path}/*.parquet").collect().height == 340
