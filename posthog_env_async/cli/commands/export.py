"""`posthog-env export`: persons, folders, logs."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.export import DEFAULT_READING, DEFAULT_TARGET, Reading, Target
from posthog_env_async.cli.options.flags import FLAG
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.options.persons import ALL_PERSONS, PersonFilters
from posthog_env_async.cli.output.runner import run
from posthog_env_async.client import PostHogEnv
from posthog_env_async.pagination import CursorListing, Listing

from .export_run import ExportPlan, ExportRun, resume_command
from .logs import LAST_HOUR, LogFilters

__all__ = ["export_folders", "export_logs", "export_persons", "exports"]

EXAMPLES = """Examples:

  posthog-env export persons --project 1 --out persons.ndjson.zst --count
  posthog-env export persons --project 1,2,7 --out people/ --gzip
  posthog-env export persons --all-projects --out people/ --format parquet --wait
  posthog-env export persons --property plan=scale --out scale.csv \\
      --columns uuid,created_at,properties.email --quote-formulas
  posthog-env export persons --stdout | zstd > persons.ndjson.zst
  posthog-env export logs --from -7d --level error --out errors.ndjson

A file has its name only when it is whole. Stopped or killed, the same command goes on where it was.
posthog-env verify FILE checks it against the manifest that lies beside it."""

exports = App(
    name="export",
    help="Export into files that are whole or not there, resumed where they were.",
    help_epilogue=EXAMPLES,
)


@exports.command(name="persons", help_epilogue=EXAMPLES)
def export_persons(
    *,
    filters: PersonFilters = ALL_PERSONS,
    target: Target = DEFAULT_TARGET,
    reading: Reading = DEFAULT_READING,
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export every person of one project or many; --project takes several, as in 1,2,7."""

    def listed(env: PostHogEnv) -> Listing[Any]:
        return env.persons.list(**filters.query(), **reading.settings())

    plan = ExportPlan("persons", "person", "persons", listed, target, reading, loudness)
    return _export(plan, connection)


@exports.command(name="folders")
def export_folders(
    *,
    target: Target = DEFAULT_TARGET,
    reading: Reading = DEFAULT_READING,
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export the folders of the key's owner in one project or many."""

    def listed(env: PostHogEnv) -> Listing[Any]:
        return env.persisted_folders.list(**reading.settings())

    plan = ExportPlan("folders", "folder", "default", listed, target, reading, loudness)
    return _export(plan, connection)


@exports.command(name="logs")
def export_logs(
    *,
    filters: LogFilters = LAST_HOUR,
    all_projects: Annotated[
        bool, Parameter(help="Every project that the key can use."), FLAG
    ] = False,
    page_size: Annotated[int, Parameter(help="Entries a request, 1 to 2,000.")] = 1000,
    max_items: Annotated[int | None, Parameter(help="Stop after so many.")] = None,
    concurrency: Annotated[int, Parameter(help="How many projects at once.")] = 4,
    target: Target = DEFAULT_TARGET,
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export log entries; to go on later give --from and --to as times, not as times back."""

    def listed(env: PostHogEnv) -> CursorListing[Any]:
        return env.logs.query(**filters.query(), page_size=page_size, max_items=max_items)

    reading = Reading(all_projects=all_projects, concurrency=concurrency)
    plan = ExportPlan("logs", "entry", "default", listed, target, reading, loudness)
    return _export(plan, connection)


def _export(plan: ExportPlan, connection: Connection) -> int:
    async def job() -> int:
        async with connection.one_of_many().client() as env:
            export = ExportRun(env, plan, waits=connection.wait)
            return await export.run(connection.project)

    return run(job, quiet=plan.loudness.quiet, on_stop=lambda: _stopped(plan.target))


def _stopped(target: Target) -> str:
    if target.stdout:
        return "stopped"
    return f"stopped; what was read is kept. Go on with:\n  {resume_command()}"
