"""One partition into one file: whole or not there, and the same when it is run twice."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from operator import attrgetter
from os import PathLike
from pathlib import Path
from typing import Any, Self

import attrs

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import CheckpointError, ConfigurationError
from posthog_env_async.export.exporter import OnProgress, export_rows
from posthog_env_async.export.files.durable import (
    hash_of,
    in_thread,
    read_file,
    wrap_os_errors,
    write_atomic,
)
from posthog_env_async.export.files.paths import Compression
from posthog_env_async.export.options import FileOptions
from posthog_env_async.export.run import ExportReport
from posthog_env_async.models import Person
from posthog_env_async.pagination import (
    HandedOut,
    LineRun,
    Listing,
    ListingReport,
    QueryFingerprint,
    read_lines,
    source_of,
)
from posthog_env_async.session import Backoff, Emitter, Limiter, check_own_host

from .plan import Partition, PartitionResult

__all__ = ["finished_partition", "run_partition"]

PATIENCE = 3_700.0
SUFFIXES = {"none": ".ndjson", "gzip": ".ndjson.gz", "zstd": ".ndjson.zst"}


async def run_partition(
    partition: Partition,
    *,
    folder: str | PathLike[str],
    env: PostHogEnv | None = None,
    limiter: Limiter | None = None,
    compression: Compression = "none",
    on_progress: OnProgress | None = None,
) -> PartitionResult:
    """Read a partition into a file of its own in `folder`, which has to exist.

    Run again, a finished partition is only checked, and one that was broken off goes on: so a queue
    may deliver it twice.

    Args:
        partition: what `plan` made.
        folder: where files go; on a cluster one that all workers and the merge see.
        env: the client to ask with; by default one for this call, key and host from the
            environment, that sits out an hour's wait.
        limiter: for that one: the limiter that all workers share.
        compression: of the file.
        on_progress: as of `export`.

    Raises:
        ConfigurationError: when the partition is of another host than the worker's own.
        CheckpointError: when another process reads the same partition into the same folder.
        PostHogError: what the listing raises; what was read is kept.
    """
    finished = await finished_partition(partition, folder, compression=compression)
    if finished is not None:
        return finished
    path = _path_of(partition, folder, compression)
    async with _client(partition, env, limiter) as client:
        ranged = _Ranged(partition, partition.listing(client))
        report = await export_rows(ranged, path, FileOptions(), on_progress=on_progress)
    result = _result(partition, report, ranged)
    await in_thread(partial(_save, result))
    return result


async def finished_partition(
    partition: Partition, folder: str | PathLike[str], *, compression: Compression = "none"
) -> PartitionResult | None:
    """Return the result of a partition that was read into a folder, if its file is unchanged."""
    return await in_thread(partial(_finished, _path_of(partition, folder, compression)))


def _path_of(partition: Partition, folder: str | PathLike[str], compression: Compression) -> Path:
    if Path(partition.name).name != partition.name:
        raise ConfigurationError("the partition's project cannot be part of a file name")
    return Path(folder) / f"{partition.name}{SUFFIXES[compression]}"


@asynccontextmanager
async def _client(
    partition: Partition, env: PostHogEnv | None, limiter: Limiter | None
) -> AsyncGenerator[PostHogEnv]:
    if env is not None:
        check_own_host(partition.host, env.host, "the partition")
        yield env
        return
    own = PostHogEnv(
        partition.project,
        prefix="projects" if partition.prefix == "projects" else "auto",
        limiter=limiter,
        backoff=Backoff(max_wait=PATIENCE),
    )
    check_own_host(partition.host, own.host, "the partition")
    async with own:
        yield own


@attrs.define
class _Ranged:
    """A listing that ends with the page that reaches the partition's `stop`.

    Whole pages only: rows of one moment may stand in another order inside a page, so half a page is
    no contiguous range.
    """

    partition: Partition
    listing: Listing[Person]
    model: type[Any] | None = attrs.field(default=Person, init=False)
    project_id: str | None = attrs.field(
        default=attrs.Factory(attrgetter("partition.project"), takes_self=True), init=False
    )
    _run: "_RangedRun | None" = attrs.field(default=None, init=False)

    @property
    def subject(self) -> QueryFingerprint:
        return source_of(self.listing).subject

    @property
    def emit(self) -> Emitter | None:
        return source_of(self.listing).session.emit

    @property
    def bounds(self) -> Mapping[str, int | None]:
        return {"start": self.partition.start, "stop": self.partition.stop}

    @property
    def ended(self) -> bool:
        return self.partition.stop is None or (self._run is not None and self._run.ended)

    def run(self, token: str | None, written: HandedOut | None = None) -> "_RangedRun":
        listing = self.listing if token is None else self.listing.resume(token)
        self._run = _RangedRun(read_lines(listing, handed_out=written), self.partition.stop)
        return self._run


@attrs.define
class _RangedRun:
    run: LineRun
    stop: int | None
    reached: bool = False
    ended: bool = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.run.aclose()

    @property
    def token(self) -> str:
        return self.run.token

    @property
    def report(self) -> ListingReport:
        report = self.run.report
        if not self.reached:
            return report
        is_sound = not (report.seams_unproven or report.contradictions)
        return attrs.evolve(report, complete=is_sound)

    async def next_batch(self) -> list[bytes] | None:
        if self.reached:
            return None
        page = await self.run.next_page()
        if page is None:
            self.ended = True
            return None
        end = page.next_offset
        self.ended = end is None
        self.reached = end is not None and self.stop is not None and end >= self.stop
        return list(page.items)


def _result(partition: Partition, report: ExportReport, ranged: _Ranged) -> PartitionResult:
    return PartitionResult(
        partition=partition,
        path=str(report.path),
        rows=report.rows,
        bytes=report.bytes,
        sha256=report.sha256,
        complete=report.complete,
        ended=ranged.ended,
        listing=report.listing,
    )


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.result.json")


def _save(result: PartitionResult) -> None:
    path = Path(result.path)
    with wrap_os_errors(path):
        write_atomic(_beside(path), result.to_json().encode())


def _finished(path: Path) -> PartitionResult | None:
    """Return the result of a run that came to its end, if its file is still what it wrote."""
    try:
        result = PartitionResult.from_json(read_file(_beside(path)).decode("utf-8", "replace"))
        if hash_of(path).hexdigest() == result.sha256:
            return attrs.evolve(result, path=str(path.absolute()))
    except (FileNotFoundError, CheckpointError):
        return None
    return None
