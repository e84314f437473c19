"""Kill the process at random moments, run the same command again, compare with an unbroken run."""

import gzip
import os
import random
import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

import anyio
import pytest
from anyio.abc import Process

from posthog_env_async import PostHogEnv
from posthog_env_async.export import export, verify
from posthog_env_async.testing import Drift, FakePostHog

EXPORT = """
import asyncio, sys
from posthog_env_async import PostHogEnv
from posthog_env_async.export import export

async def main(path, page_size, every):
    async with PostHogEnv(1, limits=None) as env:
        listing = env.persons.list(page_size=int(page_size), prefetch=2)
        print("begun", flush=True)
        await export(listing, path, checkpoint_every=float(every))

asyncio.run(main(*sys.argv[1:]))
"""
FORMATS = ["ndjson", "csv", "ndjson.zst", "parquet"]


async def started(fake: FakePostHog, path: Path, page_size: int, every: float) -> Process:
    """Start the export in a process of its own, and wait until it begins."""
    settings = {
        "POSTHOG_HOST": fake.url,
        "POSTHOG_PERSONAL_API_KEY": fake.key,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = await anyio.open_process(
        [sys.executable, "-c", EXPORT, str(path), str(page_size), str(every)],
        env=os.environ | settings,
        stderr=None,
    )
    assert process.stdout is not None
    assert (await process.stdout.receive()).startswith(b"begun")
    return process


async def ended_or_killed(process: Process, seconds: float) -> bool:
    """Give the export so many seconds, then kill it; true when it was done before."""
    async with process:
        with anyio.move_on_after(seconds):
            await process.wait()
        if process.returncode is None:
            process.kill()
        return await process.wait() == 0


async def killed_until_done(
    fake: FakePostHog,
    path: Path,
    *,
    kills: int,
    longest: float,
    chance: random.Random,
    page_size: int,
) -> int:
    """Run the export, killing it up to `kills` times, and return how often that was."""
    for number in range(kills):
        process = await started(fake, path, page_size, 0.02)
        if await ended_or_killed(process, chance.uniform(0.0, longest)):
            return number
    assert await ended_or_killed(await started(fake, path, page_size, 0.02), 120.0)
    return kills


def content(path: Path) -> bytes:
    if path.suffix == ".zst":
        zstd = pytest.importorskip("backports.zstd")
        return bytes(zstd.decompress(path.read_bytes()))
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
async def test_an_export_that_is_killed_ends_with_the_same_content(
    tmp_path: Path, suffix: str
) -> None:
    path, unbroken = tmp_path / f"p.{suffix}", tmp_path / f"unbroken.{suffix}"
    async with FakePostHog(3_000, mode="routes", latency=0.01) as fake:
        async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env:
            await export(env.persons.list(), unbroken)

        kills = await killed_until_done(
            fake, path, kills=3, longest=0.3, chance=random.Random(suffix), page_size=50
        )

    assert kills > 0
    assert content(path) == content(unbroken)
    assert (await verify(path)).ok


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("suffix", FORMATS)
async def test_twenty_five_kills_change_nothing(tmp_path: Path, suffix: str, seed: int) -> None:
    unbroken, chance, kills, rounds = tmp_path / f"unbroken.{suffix}", random.Random(seed), 0, 0
    async with FakePostHog(50_000, mode="routes") as fake:
        async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env:
            whole = await export(env.persons.list(), unbroken)
        expected = content(unbroken)

        while kills < 25:
            path = tmp_path / f"p{rounds}.{suffix}"
            kills += await killed_until_done(
                fake,
                path,
                kills=min(8, 25 - kills),
                longest=whole.seconds / 2,
                chance=chance,
                page_size=500,
            )
            rounds += 1

            assert content(path) == expected
            assert (await verify(path)).ok
            path.unlink()


async def killed_under_drift(tmp_path: Path, *, persons: int, kills: int, longest: float) -> None:
    path, drift = tmp_path / "p.ndjson", Drift(inserts=(0, 3), deletes=(0, 3), anywhere=False)
    async with FakePostHog(persons, mode="routes", drift=drift) as fake:
        await killed_until_done(
            fake, path, kills=kills, longest=longest, chance=random.Random(1), page_size=100
        )
        throughout = fake.existed_throughout()

    rows = path.read_bytes().splitlines()
    found = Counter(UUID(row.partition(b'"uuid":"')[2][:36].decode()) for row in rows)
    assert [uuid for uuid in throughout if found[uuid] != 1] == []
    assert max(found.values()) == 1


async def test_who_exists_throughout_is_there_exactly_once_after_kills(tmp_path: Path) -> None:
    await killed_under_drift(tmp_path, persons=3_000, kills=3, longest=0.3)


@pytest.mark.slow
async def test_who_exists_throughout_is_there_exactly_once_after_many_kills(
    tmp_path: Path,
) -> None:
    await killed_under_drift(tmp_path, persons=50_000, kills=25, longest=1.0)
