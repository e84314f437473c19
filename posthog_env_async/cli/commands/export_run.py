"""One `posthog-env export`: its projects, read at once, shown while they run, and summed up."""

import math
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs

from posthog_env_async.cli.options.budget import shortage, used_up
from posthog_env_async.cli.options.export import Reading, Target, projects_in
from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.cli.output.console import say
from posthog_env_async.cli.output.progress import Display
from posthog_env_async.cli.output.progress_row import ProgressRow
from posthog_env_async.cli.output.stream import pour
from posthog_env_async.cli.output.summary import code_of, show_outcomes
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import (
    CheckpointError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
)
from posthog_env_async.export import ExportJob, ExportOutcome, Progress, export, export_many
from posthog_env_async.export.files.paths import Target as FileTarget
from posthog_env_async.pagination import CursorListing, Listing

__all__ = ["ExportPlan", "ExportRun", "resume_command"]

AnyListing = Listing[Any] | CursorListing[Any]


def resume_command() -> str:
    """Return the command that goes on with this one."""
    words = [word for word in sys.argv[1:] if word != "--restart"]
    return shlex.join(["posthog-env", *words])


@attrs.frozen
class ExportPlan:
    """What to export: `listed` makes the listing of a client; `group` is its budget's name."""

    what: str
    noun: str
    group: str
    listed: Callable[[PostHogEnv], AnyListing]
    target: Target
    reading: Reading
    loudness: OutputOptions


@attrs.define
class ExportRun:
    """An export under way; `waits` when the user waits for the limits as long as it takes."""

    env: PostHogEnv
    plan: ExportPlan
    waits: bool = attrs.field(kw_only=True)
    _tracks: dict[Path, ProgressRow] = attrs.field(factory=dict[Path, ProgressRow], init=False)

    async def run(self, named: str | None) -> int:
        """Export the projects that are named, and return the exit code."""
        projects = await self._projects(named)
        if self.plan.target.stdout:
            return await self._pour(projects)
        jobs = await self._jobs(projects)
        await self._look_ahead(jobs)
        async with Display(
            list(self._tracks.values()),
            waiting=lambda: self.env.throttled_until,
            footer=self._footer,
            quiet=self.plan.loudness.quiet or self.plan.loudness.json,
        ):
            outcomes = await self._export(jobs)
        show_outcomes(outcomes, self._tracks, self.plan.loudness)
        code = code_of(outcomes)
        if _can_go_on(outcomes):
            say(f"what was read is kept; go on with:\n  {resume_command()}")
        return code

    async def _projects(self, named: str | None) -> tuple[str, ...]:
        if not self.plan.reading.all_projects:
            return projects_in(named) or (self.env.project_id,)
        if named is not None:
            raise ConfigurationError("give --project or --all-projects, not both")
        try:
            found = [str(project.id) for project in await self.env.projects.list().collect()]
        except (PermissionDeniedError, NotFoundError):
            # A key that is confined to projects may not list them (docs/server.md, Authentication).
            found = [str(team) for team in (await self.env.key()).scoped_teams]
            if not found:
                raise
        return tuple(found)

    async def _jobs(self, projects: Sequence[str]) -> list[ExportJob]:
        jobs = list[ExportJob]()
        for project in projects:
            listing = self.plan.listed(self.env.for_project(project))
            path = self.plan.target.path(self.plan.what, project, alone=len(projects) == 1)
            if self.plan.target.names_a_folder or len(projects) > 1:
                await _make_folder(path.parent)
            about = {"server": self.env.host, "project": project, "what": self.plan.what}
            jobs.append(ExportJob(listing, path, about))
            self._tracks[jobs[-1].path] = ProgressRow(f"project {project}", self.plan.noun)
        return jobs

    async def _look_ahead(self, jobs: Sequence[ExportJob]) -> None:
        """Ask for the totals where they are wanted, or where a limit may be too small for them."""
        limited = self.env.limiter.is_limited(self.plan.group) and not self.plan.loudness.quiet
        listings = [job.listing for job in jobs if isinstance(job.listing, Listing)]
        if len(listings) < len(jobs) or not (limited or self.plan.reading.count):
            return
        requests = 0
        for job, listing in zip(jobs, listings, strict=True):
            total = await _total(listing)
            self._tracks[job.path].total = total
            size = listing.page_size if listing.page_size != "auto" else 10_000
            requests += math.ceil((total or 0) / size)
        said = await shortage(self.env.limiter, self.plan.group, requests, waits=self.waits)
        if said is not None and not self.plan.loudness.quiet:
            say(f"note: {said}", style="yellow")

    async def _export(self, jobs: Sequence[ExportJob]) -> tuple[ExportOutcome, ...]:
        settings: dict[str, Any] = {
            **self.plan.target.settings(),
            "on_gap": self.plan.reading.on_gap,
        }
        if len(jobs) == 1:
            return (await self._alone(jobs[0], settings),)
        many = await export_many(
            jobs,
            concurrency=self.plan.reading.concurrency,
            on_progress=self._progress,
            on_outcome=self._ended,
            **settings,
        )
        return many.outcomes

    async def _alone(self, job: ExportJob, settings: dict[str, Any]) -> ExportOutcome:
        self._tracks[job.path].start()
        try:
            report = await export(
                job.listing, job.path, about=job.about, on_progress=self._progress, **settings
            )
        except PostHogError as error:
            outcome = ExportOutcome(path=job.path, error=error)
        else:
            outcome = ExportOutcome(path=job.path, report=report)
        self._ended(outcome)
        return outcome

    async def _pour(self, projects: Sequence[str]) -> int:
        self.plan.target.check_for_stdout(len(projects))
        track = ProgressRow(f"project {projects[0]}", self.plan.noun)
        listing = self.plan.listed(self.env.for_project(projects[0]))
        if self.plan.reading.count and isinstance(listing, Listing):
            track.total = await _total(listing)
        async with Display(
            [track],
            waiting=lambda: self.env.throttled_until,
            footer=self._footer,
            quiet=self.plan.loudness.quiet or sys.stdout.isatty(),
        ):
            quiet = self.plan.loudness.quiet
            return await pour(listing, self.plan.noun, quiet=quiet, on_page=track.add)

    def _progress(self, progress: Progress) -> None:
        track = self._tracks[progress.path]
        track.start()
        track.items, track.pages = progress.rows, progress.pages
        track.before = progress.resumed_rows

    def _ended(self, outcome: ExportOutcome) -> None:
        track = self._tracks[outcome.path]
        if outcome.report is not None:
            track.items, track.pages = outcome.report.rows, outcome.report.listing.pages
        track.start()
        track.end("kept from before" if outcome.kept else "done" if outcome.ok else "NOT complete")

    def _footer(self) -> str:
        said = f"{self.env.requests:,} requests, {self.env.retries:,} retries"
        full = used_up(self.env.limiter, self.plan.group)
        return said if full is None else f"{said}; waiting: the limit of the {full} is used up"


def _can_go_on(outcomes: Sequence[ExportOutcome]) -> bool:
    """Whether the same command would go on with what is there, and not be refused once more."""
    failures = [outcome.error for outcome in outcomes if outcome.error is not None]
    kept = any(outcome.report or _is_unfinished(outcome.path) for outcome in outcomes)
    return kept and not all(isinstance(failure, CheckpointError) for failure in failures)


def _is_unfinished(path: Path) -> bool:
    return FileTarget(path, "ndjson", "none").checkpoint.exists()


async def _total(listing: Listing[Any]) -> int | None:
    """Return how many items there will be; a project that cannot say says why when it is read."""
    try:
        total = await listing.count()
    except PostHogError:
        return None
    left = max(0, total - listing.offset)
    return left if listing.max_items is None else min(left, listing.max_items)


async def _make_folder(folder: Path) -> None:
    try:
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--out: cannot make {folder}: {error.strerror}") from None
