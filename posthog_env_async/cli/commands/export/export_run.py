"""One `posthog-env export`: its projects, read at once, shown while they run, and summed up."""

import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import attrs

from posthog_env_async.cli.options.connection.budget import shortage, used_up
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.cli.output.progress.display import PLAIN_SECONDS, Display
from posthog_env_async.cli.output.progress.row import ProgressRow
from posthog_env_async.cli.output.progress.watcher import Watcher
from posthog_env_async.cli.output.resume_advice import resume_command
from posthog_env_async.cli.output.stream import write_ndjson
from posthog_env_async.cli.output.summary import code_of, show_outcomes
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import CheckpointError, ExportError
from posthog_env_async.export import ExportJob, ExportOutcome, Progress, export_many
from posthog_env_async.export.files.paths import Target as FileTarget

from .count_check import check_counts, missing_rows, shortage_text
from .plan import ExportPlan
from .projects import projects_of
from .totals import requests_for, total_of, totals_of

__all__ = ["ExportRun"]


@attrs.define
class ExportRun:
    """An export under way; `waits` when the user waits for the limits as long as it takes."""

    env: PostHogEnv
    plan: ExportPlan
    watcher: Watcher
    waits: bool = attrs.field(kw_only=True)
    every: float = attrs.field(default=PLAIN_SECONDS, kw_only=True)
    _rows: dict[Path, ProgressRow] = attrs.field(factory=dict[Path, ProgressRow], init=False)

    async def run(self, named: tuple[str, ...]) -> int:
        """Export the projects that are named, and return the exit code."""
        projects = await projects_of(self.env, named, self.plan.reading)
        if self.plan.target.to_stdout:
            return await self._write_stdout(projects)
        jobs = await self._jobs(projects)
        await self._look_ahead(jobs)
        async with self._display(list(self._rows.values()), quiet=self.plan.output.json):
            outcomes = await self._export(jobs)
        show_outcomes(outcomes, self._rows, self.plan.output)
        if _can_go_on(outcomes):
            print_message(f"what was read is kept; go on with:\n  {resume_command()}")
        return await self._code(jobs, outcomes)

    async def _code(self, jobs: Sequence[ExportJob], outcomes: Sequence[ExportOutcome]) -> int:
        """Return the exit code; with `--count` fewer rows than were counted fail the verdict."""
        totals = {path: row.total for path, row in self._rows.items()}
        wanted = self.plan.reading.count
        is_short = wanted and not await check_counts(jobs, outcomes, totals)
        return code_of(outcomes) or (INCOMPLETE if is_short else OK)

    async def _jobs(self, projects: Sequence[str]) -> list[ExportJob]:
        jobs = list[ExportJob]()
        for project in projects:
            listing = self.plan.listing_of(self.env.for_project(project))
            path = self.plan.target.path(self.plan.what, project, alone=len(projects) == 1)
            await _make_folder(path.parent)
            about = {"server": self.env.host, "project": project, "what": self.plan.what}
            jobs.append(ExportJob(listing, path, about))
            self._rows[jobs[-1].path] = ProgressRow(f"project {project}", self.plan.noun)
        return jobs

    async def _look_ahead(self, jobs: list[ExportJob]) -> None:
        """Ask for the totals where they are wanted, or where a limit may be too small for them."""
        quiet, limiter, group = self.plan.output.quiet, self.env.limiter, self.plan.group
        if not self.plan.reading.count and (quiet or not limiter.is_limited(group)):
            return
        totals = await totals_of(jobs)
        for path, total in totals.items():
            self._rows[path].total = total
        text = await shortage(limiter, group, requests_for(jobs, totals), waits=self.waits)
        if text is not None and not quiet:
            print_message(f"note: {text}", style="yellow")

    async def _export(self, jobs: Sequence[ExportJob]) -> tuple[ExportOutcome, ...]:
        many = await export_many(
            jobs,
            concurrency=self.plan.reading.concurrency,
            on_progress=self._progress,
            on_outcome=self._ended,
            on_gap=self.plan.reading.on_gap,
            **self.plan.target.settings(),
        )
        return many.outcomes

    async def _write_stdout(self, projects: Sequence[str]) -> int:
        self.plan.target.check_for_stdout(len(projects))
        row = ProgressRow(f"project {projects[0]}", self.plan.noun)
        listing = self.plan.listing_of(self.env.for_project(projects[0]))
        if self.plan.reading.count:
            row.total = await total_of(listing)
        quiet = self.plan.output.quiet
        async with self._display([row], quiet=sys.stdout.isatty()):
            code = await write_ndjson(listing, self.plan.noun, quiet=quiet, on_page=row.add)
        missing = await missing_rows(listing, row.items, row.total)
        if missing:
            print_message(f"error: {shortage_text(missing)}", style="red")
        return code or (INCOMPLETE if missing else OK)

    def _display(self, rows: list[ProgressRow], *, quiet: bool) -> Display:
        return Display(
            rows,
            waiting=lambda: self.env.throttled_until,
            footer=self._footer,
            quiet=quiet or self.plan.output.quiet,
            every=self.every,
        )

    def _progress(self, progress: Progress) -> None:
        row = self._rows[progress.path]
        row.start()
        row.items, row.pages = progress.rows, progress.pages
        row.before = progress.resumed_rows

    def _ended(self, outcome: ExportOutcome) -> None:
        row = self._rows[outcome.path]
        if outcome.report is not None:
            row.items, row.pages = outcome.report.rows, outcome.report.listing.pages
        row.start()
        row.end(_state(outcome))

    def _footer(self) -> str:
        text = self.watcher.summary()
        full = used_up(self.env.limiter, self.plan.group)
        return text if full is None else f"{text}; waiting: the limit of the {full} is used up"


def _state(outcome: ExportOutcome) -> str:
    if outcome.error is not None:
        return "failed"
    if outcome.kept:
        return "kept from before"
    return "done" if outcome.ok else "NOT complete"


def _can_go_on(outcomes: Sequence[ExportOutcome]) -> bool:
    """Whether the same command would go on with what is there, and not be refused once more."""
    failures = [outcome.error for outcome in outcomes if outcome.error is not None]
    kept = any(outcome.report or _is_unfinished(outcome.path) for outcome in outcomes)
    return kept and not all(isinstance(failure, CheckpointError) for failure in failures)


def _is_unfinished(path: Path) -> bool:
    return FileTarget.parse(path, format="ndjson").checkpoint.exists()


async def _make_folder(folder: Path) -> None:
    try:
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            f"--out: cannot make the folder {folder}: {error.strerror}", errno=error.errno
        ) from None
