"""One writer at a time, and what the disk, the folders and the installation do not allow."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from exports import beside
from posthog_env_async import CheckpointError, ConfigurationError, PostHogEnv
from posthog_env_async.export import Progress, export, verify
from posthog_env_async.testing import FakePostHog

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


async def test_a_missing_folder_is_an_error(env: PostHogEnv, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder does not exist"):
        await export(env.persons.list(), tmp_path / "none" / "p.ndjson")


async def test_a_folder_at_the_path_of_the_file_is_an_error(
    env: PostHogEnv, tmp_path: Path
) -> None:
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
@pytest.mark.parametrize(
    ("suffix", "limit"),
    [("ndjson", 900_000), ("ndjson.gz", 100_000), ("csv", 400_000), ("parquet", 900_000)],
)
async def test_a_file_that_cannot_grow_is_an_error_and_the_export_continues_later(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, suffix: str, limit: int
) -> None:
    path = tmp_path / f"p.{suffix}"
    environment = {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key}

    done = await anyio.run_process(
        [sys.executable, "-W", "ignore", "-c", SMALL_DISK, str(path), str(limit)],
        # Nothing of coverage, whose file may not grow either.
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        check=False,
        stderr=subprocess.STDOUT,
    )
    between = beside(path)
    report = await export(env.persons.list(page_size=200), path)

    assert b"refused: cannot write" in done.stdout
    assert b"larger than the system allows" in done.stdout
    assert between == {".part", ".checkpoint.json"}
    assert report.resumed_rows > 0
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
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        check=False,
        stderr=subprocess.STDOUT,
    )

    assert said in done.stdout
    assert bool(said) == (fake.requests == [])
