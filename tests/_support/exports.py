"""What tests of exports look at: the files, and what is inside them."""

import csv
import gzip
import io
import traceback
from pathlib import Path
from typing import Any

import pytest

from posthog_env_async import Backoff, PostHogEnv
from posthog_env_async.testing import FakePostHog

__all__ = [
    "FORMATS",
    "beside",
    "client",
    "content",
    "files",
    "lines_of",
    "locals_of",
    "parquet",
    "records",
]

FORMATS = ["ndjson", "jsonl", "ndjson.gz", "ndjson.zst", "csv", "csv.gz", "parquet"]


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


def client(fake: FakePostHog) -> PostHogEnv:
    return PostHogEnv(1, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0), limits=None)


def locals_of(error: BaseException) -> str:
    """Return the locals of the package's frames, as tools for crash reports collect them."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return "\n".join(f"{f.name} {f.locals}" for f in frames if "/tests/" not in f.filename)
