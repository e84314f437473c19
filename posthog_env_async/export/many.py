"""Many exports at once: one budget, one failure does not stop the others, resumable as a whole."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import attrs

from posthog_env_async.errors import ConfigurationError, PostHogError
from posthog_env_async.export.files.paths import Compression, Format, Target
from posthog_env_async.export.state.many_checkpoint import BatchCheckpoint
from posthog_env_async.export.state.report import ExportReport

from .exporter import OnProgress, export, report_of
from .sources import AnyListing, OnGap

__all__ = ["ExportJob", "ExportOutcome", "ManyReport", "export_many"]


def _absolute(path: str | os.PathLike[str]) -> Path:
    return Path(path).absolute()


@attrs.frozen
class ExportJob:
    """One of many exports; `about` goes into its manifest."""

    listing: AnyListing
    path: Path = attrs.field(converter=_absolute)
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
    format: Format | None = None,
    compression: Compression | None = None,
    columns: Sequence[str] | None = None,
    property_columns: Mapping[str, str] | Sequence[str] = (),
    quote_formulas: bool = False,
    model: type[Any] | None = None,
    on_gap: OnGap = "raise",
    checkpoint_every: float = 0.5,
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
        format: as in `export`, for all; so is what follows.
        compression: as in `export`.
        columns: as in `export`.
        property_columns: as in `export`.
        quote_formulas: as in `export`.
        model: as in `export`.
        on_gap: as in `export`.
        checkpoint_every: as in `export`.

    Raises:
        ConfigurationError: for two exports to one path; what a single export raises is in its
            outcome.
    """
    began = time.monotonic()
    parse = partial(Target.parse, format=format, compression=compression)
    many = _Many(_listed(jobs), parse, resume, on_outcome)
    work = partial(
        export,
        resume=resume,
        on_progress=on_progress,
        format=format,
        compression=compression,
        columns=columns,
        property_columns=property_columns,
        quote_formulas=quote_formulas,
        model=model,
        on_gap=on_gap,
        checkpoint_every=checkpoint_every,
    )
    outcomes = await many.run(work, concurrency)
    return ManyReport(outcomes=outcomes, seconds=time.monotonic() - began)


Work = Callable[..., Any]


@attrs.define
class _Many:
    jobs: tuple[ExportJob, ...]
    parse: Callable[[Path], Target]
    resume: bool
    on_outcome: OnOutcome | None
    _outcomes: dict[Path, ExportOutcome] = attrs.field(
        factory=dict[Path, ExportOutcome], init=False
    )

    async def run(self, work: Work, concurrency: int) -> tuple[ExportOutcome, ...]:
        if concurrency < 1:
            raise ConfigurationError("concurrency must be 1 or more")
        if not self.jobs:
            return ()
        subjects = {job.path: job.listing.subject.fingerprint for job in self.jobs}
        load = partial(BatchCheckpoint.load, subjects, resume=self.resume)
        batch = await anyio.to_thread.run_sync(load)
        waiting = iter(self.jobs)
        async with anyio.create_task_group() as tasks:
            for _ in range(min(concurrency, len(self.jobs))):
                tasks.start_soon(self._work_off, waiting, work, batch)
        outcomes = tuple(self._outcomes[job.path] for job in self.jobs)
        if all(outcome.error is None for outcome in outcomes):
            await anyio.to_thread.run_sync(batch.end)
        return outcomes

    async def _work_off(self, waiting: Any, work: Work, batch: BatchCheckpoint) -> None:
        for job in waiting:
            outcome = await self._one(job, work, batch)
            self._outcomes[job.path] = outcome
            if self.on_outcome is not None:
                self.on_outcome(outcome)

    async def _one(self, job: ExportJob, work: Work, batch: BatchCheckpoint) -> ExportOutcome:
        try:
            target = self.parse(job.path)
            query = job.listing.subject.fingerprint
            kept = await anyio.to_thread.run_sync(batch.kept, target, query)
            if kept is not None:
                return ExportOutcome(path=job.path, report=report_of(target, kept), kept=True)
            report: ExportReport = await work(job.listing, job.path, about=job.about)
            await anyio.to_thread.run_sync(batch.add, job.path, report.sha256)
        except PostHogError as error:
            return ExportOutcome(path=job.path, error=error)
        return ExportOutcome(path=job.path, report=report)


def _listed(jobs: Jobs) -> tuple[ExportJob, ...]:
    if isinstance(jobs, Mapping):
        listed = tuple(ExportJob(listing, path) for path, listing in jobs.items())
    else:
        listed = tuple(jobs)
    if len({job.path for job in listed}) != len(listed):
        raise ConfigurationError("two exports go to one path; give each a path of its own")
    return listed
