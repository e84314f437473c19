"""Many exports at once: one budget, one failure does not stop the others, resumable as a whole."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Unpack

import anyio
import attrs

from posthog_env_async.errors import ConfigurationError, PostHogError
from posthog_env_async.export.files.durable import in_thread
from posthog_env_async.export.files.paths import absolute_path
from posthog_env_async.export.run import ExportReport
from posthog_env_async.export.state.many_checkpoint import BatchCheckpoint
from posthog_env_async.pagination import AnyListing, source_of

from .exporter import OnProgress, export_rows, report_of
from .options import FileChoices, FileOptions
from .sources import ListingRows, OnGap

__all__ = ["ExportJob", "ExportOutcome", "ManyReport", "export_many"]


@attrs.frozen
class ExportJob:
    """One of many exports; `about` goes into its manifest."""

    listing: AnyListing
    path: Path = attrs.field(converter=absolute_path)
    about: Mapping[str, str] = attrs.field(factory=dict[str, str])


@attrs.frozen(kw_only=True)
class ExportOutcome:
    """How one of many exports ended: with a report or an error.

    `kept` says that an earlier run had finished the file and it was not exported again.
    """

    path: Path
    report: ExportReport | None = None
    error: PostHogError | None = None
    kept: bool = False

    @property
    def ok(self) -> bool:
        """Whether the file is there and nothing is missing in it."""
        return self.report is not None and self.report.complete


@attrs.frozen(kw_only=True)
class ManyReport:
    """How many exports ended, in the order in which they were given."""

    outcomes: tuple[ExportOutcome, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every one of them is there and complete."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def failed(self) -> tuple[ExportOutcome, ...]:
        """Those that are not."""
        return tuple(outcome for outcome in self.outcomes if not outcome.ok)

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(outcome.report.rows for outcome in self.outcomes if outcome.report is not None)


OnOutcome = Callable[[ExportOutcome], None]
Jobs = Mapping[str, AnyListing] | Mapping[Path, AnyListing] | Sequence[ExportJob]


async def export_many(
    jobs: Jobs,
    *,
    concurrency: int = 4,
    resume: bool = True,
    on_progress: OnProgress | None = None,
    on_outcome: OnOutcome | None = None,
    on_gap: OnGap = "raise",
    **file: Unpack[FileChoices],
) -> ManyReport:
    """Export many listings, each to its own file, up to `concurrency` of them at once.

    `jobs` maps paths to listings, or is a list of `ExportJob`s. Listings of one client, and of its
    `for_project` siblings, share connections and limits. One that fails does not stop the others.
    A run that was broken off is gone on with by the same call: what it finished is kept.

    Args:
        jobs: what to export, and where to.
        concurrency: how many at once; more keeps a budget busy when answers are slow.
        resume: false drops what unfinished exports left, and starts all over.
        on_progress: as in `export`; `Progress.path` tells which.
        on_outcome: called when one has ended.
        on_gap: as in `export`.
        file: the other keyword arguments of `export`, for all: `format`, `compression`, `columns`,
            `property_columns`, `quote_formulas`, `safe_names`, `add_project_id`, `excel`, `model`,
            `checkpoint_every`, `overwrite`, `lock`.

    Raises:
        ConfigurationError: for two exports to one path; what a single export raises is in its
            outcome.
    """
    began = time.monotonic()
    many = _Many(_listed(jobs), FileOptions(**file), resume, on_gap, on_progress, on_outcome)
    outcomes = await many.run(concurrency)
    return ManyReport(outcomes=outcomes, seconds=time.monotonic() - began)


@attrs.define
class _Many:
    jobs: tuple[ExportJob, ...]
    options: FileOptions
    resume: bool
    on_gap: OnGap
    on_progress: OnProgress | None
    on_outcome: OnOutcome | None
    concurrency: int = attrs.field(default=1, init=False)
    _outcomes: dict[Path, ExportOutcome] = attrs.field(
        factory=dict[Path, ExportOutcome], init=False
    )

    async def run(self, concurrency: int) -> tuple[ExportOutcome, ...]:
        if concurrency < 1:
            raise ConfigurationError("concurrency must be 1 or more")
        if not self.jobs:
            return ()
        self.concurrency = min(concurrency, len(self.jobs))
        batch = await self._batch() if len(self.jobs) > 1 else None
        waiting = iter(self.jobs)
        async with anyio.create_task_group() as tasks:
            for _ in range(self.concurrency):
                tasks.start_soon(self._export_waiting, waiting, batch)
        outcomes = tuple(self._outcomes[job.path] for job in self.jobs)
        if batch is not None and all(outcome.error is None for outcome in outcomes):
            await in_thread(batch.remove)
        return outcomes

    async def _batch(self) -> BatchCheckpoint:
        """Return the checkpoint of the last run over these exports; a single export has none."""
        queries = {job.path: _fingerprint(job) for job in self.jobs}
        return await in_thread(partial(BatchCheckpoint.load, queries, resume=self.resume))

    async def _export_waiting(
        self, waiting: Iterator[ExportJob], batch: BatchCheckpoint | None
    ) -> None:
        for job in waiting:
            try:
                outcome = await self._export(job, batch)
            except PostHogError as error:
                outcome = ExportOutcome(path=job.path, error=error)
            self._outcomes[job.path] = outcome
            if self.on_outcome is not None:
                self.on_outcome(outcome)

    async def _export(self, job: ExportJob, batch: BatchCheckpoint | None) -> ExportOutcome:
        target = self.options.target(job.path)
        options = attrs.evolve(self.options, concurrency=self.concurrency)
        if batch is not None:
            kept = await in_thread(partial(batch.kept, target, _fingerprint(job)))
            if kept is not None:
                return ExportOutcome(path=job.path, report=report_of(target, kept), kept=True)
            if await in_thread(partial(batch.has_written, target)):
                options = attrs.evolve(options, overwrite=True)
        report = await export_rows(
            ListingRows.of(job.listing, self.on_gap, concurrency=self.concurrency),
            job.path,
            options,
            resume=self.resume,
            on_progress=self.on_progress,
            about=job.about,
        )
        if batch is not None:
            await in_thread(partial(batch.add, job.path, report.sha256))
        return ExportOutcome(path=job.path, report=report)


def _fingerprint(job: ExportJob) -> str:
    return source_of(job.listing).subject.fingerprint


def _listed(jobs: Jobs) -> tuple[ExportJob, ...]:
    if isinstance(jobs, Mapping):
        listed = tuple(ExportJob(listing, path) for path, listing in jobs.items())
    else:
        listed = tuple(jobs)
    if len({job.path for job in listed}) != len(listed):
        raise ConfigurationError("two exports go to one path; give each a path of its own")
    return listed
