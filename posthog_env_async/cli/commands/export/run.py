"""One `posthog-env export`: its projects, read at once, shown while they run, and summed up."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import attrs

from posthog_env_async.cli.options.connection import ClientOptions
from posthog_env_async.cli.options.export import Destination, ReadOptions
from posthog_env_async.cli.options.parsing import projects_in
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.cli.output.notices import Watcher
from posthog_env_async.cli.output.progress import PLAIN_SECONDS, Display, ProgressRow
from posthog_env_async.cli.output.resume_advice import resume_command
from posthog_env_async.cli.output.stream import write_ndjson
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import (
    CheckpointError,
    ConfigurationError,
    ExportError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
)
from posthog_env_async.export import ExportJob, ExportOutcome, Progress, export_many
from posthog_env_async.export.files.paths import Target
from posthog_env_async.pagination import AnyListing

from .outcomes import code_of, show_outcomes, state_of
from .totals import (
    check_counts,
    missing_rows,
    shortage,
    shortage_text,
    total_of,
    used_up,
)

__all__ = ["ExportCommand"]


@attrs.define(kw_only=True)
class ExportCommand:
    """An export: `listing_of` makes the listing of a client; `group` names its budget."""

    what: str
    noun: str
    group: str
    listing_of: Callable[[PostHogEnv], AnyListing]
    destination: Destination
    reading: ReadOptions
    options: ClientOptions
    every: float = PLAIN_SECONDS
    watcher: Watcher = attrs.field(init=False)
    _rows: dict[Path, ProgressRow] = attrs.field(factory=dict[Path, ProgressRow], init=False)

    async def run(self) -> int:
        """Export the projects that are named, and return the exit code."""
        self.watcher = Watcher(self.options)
        # A client is of one project; these are told apart below.
        async with attrs.evolve(self.options, project=()).client(self.watcher) as env:
            projects = await self._projects(env)
            if self.destination.to_stdout:
                return await self._write_stdout(env, projects)
            jobs = [await self._job(env, name, alone=len(projects) == 1) for name in projects]
            await self._look_ahead(env, jobs)
            async with self._display(env, list(self._rows.values()), quiet=self.options.json):
                many = await export_many(
                    jobs,
                    concurrency=self.reading.concurrency,
                    on_progress=self._show_progress,
                    on_outcome=self._show_end,
                    on_gap=self.reading.on_gap,
                    **self.destination.settings(),
                )
            show_outcomes(many.outcomes, self._rows, self.options)
            failures = [outcome.error for outcome in many.outcomes if outcome.error is not None]
            if failures and _can_go_on(many.outcomes, failures):
                print_message(f"what was read is kept; go on with:\n  {resume_command()}")
            totals = {path: row.total for path, row in self._rows.items()}
            is_short = self.reading.count and not await check_counts(jobs, many.outcomes, totals)
            return code_of(many.outcomes) or (INCOMPLETE if is_short else OK)

    async def _projects(self, env: PostHogEnv) -> tuple[str, ...]:
        """Return the projects that are named, or all that the key can use."""
        if not self.reading.all_projects:
            return projects_in(self.options.project) or (env.project_id,)
        if self.options.project:
            raise ConfigurationError("give --project or --all-projects, not both")
        try:
            return tuple([str(project.id) async for project in env.projects.list()])
        except (PermissionDeniedError, NotFoundError):
            # A key that is confined to projects may not list them (docs/server.md, authentication).
            confined = (await env.key()).scoped_teams
            if not confined:
                raise
        return tuple(map(str, confined))

    async def _job(self, env: PostHogEnv, project: str, *, alone: bool) -> ExportJob:
        path = self.destination.path(self.what, project, alone=alone)
        try:
            await anyio.Path(path.parent).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"--out: cannot make the folder {path.parent}: {error.strerror}"
            raise ExportError(reason, errno=error.errno) from None
        about = {"server": env.host, "project": project, "what": self.what}
        job = ExportJob(self.listing_of(env.for_project(project)), path, about)
        self._rows[job.path] = ProgressRow(f"project {project}", self.noun)
        return job

    async def _look_ahead(self, env: PostHogEnv, jobs: Sequence[ExportJob]) -> None:
        """Ask for the totals where they are wanted, or where a limit may be too small for them."""
        quiet = self.options.quiet
        if not self.reading.count and (quiet or not env.limiter.is_limited(self.group)):
            return
        for job in jobs:
            self._rows[job.path].total = await total_of(job.listing)
        totals = [(job.listing, self._rows[job.path].total) for job in jobs]
        text = await shortage(env.limiter, self.group, totals, waits=self.options.wait)
        if text is not None and not quiet:
            print_message(f"note: {text}", style="yellow")

    async def _write_stdout(self, env: PostHogEnv, projects: Sequence[str]) -> int:
        self.destination.check_for_stdout(len(projects))
        row = ProgressRow(f"project {projects[0]}", self.noun)
        listing = self.listing_of(env.for_project(projects[0]))
        if self.reading.count:
            row.total = await total_of(listing)
        quiet = self.options.quiet
        async with self._display(env, [row], quiet=sys.stdout.isatty()):
            code = await write_ndjson(listing, self.noun, quiet=quiet, on_page=row.add)
        missing = await missing_rows(listing, row.items, row.total)
        if missing:
            print_message(f"error: {shortage_text(missing)}", style="red")
        return code or (INCOMPLETE if missing else OK)

    def _display(self, env: PostHogEnv, rows: list[ProgressRow], *, quiet: bool) -> Display:
        def footer() -> str:
            text = self.watcher.summary()
            full = used_up(env.limiter, self.group)
            return text if full is None else f"{text}; waiting: the limit of the {full} is used up"

        return Display(
            rows,
            waiting=lambda: env.throttled_until,
            footer=footer,
            quiet=quiet or self.options.quiet,
            every=self.every,
        )

    def _show_progress(self, progress: Progress) -> None:
        row = self._rows[progress.path]
        row.start()
        row.items, row.pages = progress.rows, progress.pages
        row.before = progress.resumed_rows

    def _show_end(self, outcome: ExportOutcome) -> None:
        row = self._rows[outcome.path]
        if outcome.report is not None:
            row.items, row.pages = outcome.report.rows, outcome.report.listing.pages
        row.start()
        row.end(state_of(outcome))


def _can_go_on(outcomes: Sequence[ExportOutcome], failures: Sequence[PostHogError]) -> bool:
    """Whether the same command would resume something, and not just be refused again."""
    return not all(isinstance(failure, CheckpointError) for failure in failures) and any(
        outcome.report or Target.parse(outcome.path, format="ndjson").checkpoint.exists()
        for outcome in outcomes
    )
