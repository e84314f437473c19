"""`posthog-env export`: persons, folders, logs."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.export import DEFAULT_READING, DEFAULT_TARGET, Reading, Target
from posthog_env_async.cli.options.flags import FLAG
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.logs import LAST_HOUR_QUERY, LogQuery
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.options.persons import ALL_PERSONS, PersonFilters
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import USAGE
from posthog_env_async.cli.output.progress.watcher import Watcher
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.pagination import CursorListing, Listing

from .export_run import ExportRun
from .needs import needs
from .plan import ExportPlan

__all__ = ["app", "export", "export_cohort", "export_folders", "export_logs", "export_persons"]

EXAMPLES = """Examples:

  posthog-env export persons --project 1 --out persons.ndjson.gz --count
  posthog-env export persons --project 1-5,9 --out people/ --gzip
  posthog-env export persons --all-projects --out people/ --format csv --wait
  posthog-env export persons --property plan=scale --out scale.csv \\
      --columns uuid,created_at,properties.email --quote-formulas
  posthog-env export persons --stdout | gzip > persons.ndjson.gz
  posthog-env export cohort 12 --out cohort.ndjson
  posthog-env export logs --from -7d --level error --out errors.ndjson

A file appears under its name only when it is complete. After a stop or a crash, the same command
resumes it. posthog-env verify FILE checks it against the manifest beside it."""

app = App(
    name="export",
    help="Export into complete files; an export that was stopped is resumed.",
    help_epilogue=epilogue(EXAMPLES),
)


@app.default
async def export(*what: Annotated[str, Parameter(show=False)]) -> int:
    """Say what an export needs, and which of it is there."""
    if what:
        raise ConfigurationError("export persons, cohort, folders or logs; see --help")
    print_message(needs())
    return USAGE


@app.command(name="persons", help_epilogue=epilogue(EXAMPLES))
async def export_persons(
    *,
    filters: PersonFilters = ALL_PERSONS,
    target: Target = DEFAULT_TARGET,
    reading: Reading = DEFAULT_READING,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export every person of one project or many; --project takes several, as in 1-5,9."""

    def listing_of(env: PostHogEnv) -> Listing[Any]:
        return env.persons.list(**filters.query(), **reading.settings())

    plan = ExportPlan("persons", "person", "persons", listing_of, target, reading, output)
    return await _export(plan, connection)


@app.command(name="cohort")
async def export_cohort(
    id: Annotated[int, Parameter(help="The cohort's number, from posthog-env cohorts list.")],
    /,
    *,
    target: Target = DEFAULT_TARGET,
    reading: Reading = DEFAULT_READING,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export the persons of a cohort."""

    def listing_of(env: PostHogEnv) -> Listing[Any]:
        return env.cohorts.persons(id, **reading.settings())

    plan = ExportPlan(f"cohort-{id}", "person", "persons", listing_of, target, reading, output)
    return await _export(plan, connection)


@app.command(name="folders")
async def export_folders(
    *,
    target: Target = DEFAULT_TARGET,
    reading: Reading = DEFAULT_READING,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export the folders of the key's owner in one project or many."""

    def listing_of(env: PostHogEnv) -> Listing[Any]:
        return env.persisted_folders.list(**reading.settings())

    plan = ExportPlan("folders", "folder", "default", listing_of, target, reading, output)
    return await _export(plan, connection)


@app.command(name="logs")
async def export_logs(
    *,
    filters: LogQuery = LAST_HOUR_QUERY,
    all_projects: Annotated[
        bool, Parameter(help="Every project that the key can use."), FLAG
    ] = False,
    page_size: Annotated[int, Parameter(help="Entries per request, 1 to 2,000.")] = 1000,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    concurrency: Annotated[int, Parameter(help="How many projects at once.")] = 4,
    target: Target = DEFAULT_TARGET,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Export log entries; to resume later, give --from and --to as times, not relative ones."""

    def listing_of(env: PostHogEnv) -> CursorListing[Any]:
        return env.logs.query(**filters.query(), page_size=page_size, max_items=max_items)

    reading = Reading(all_projects=all_projects, concurrency=concurrency)
    plan = ExportPlan("logs", "entry", "default", listing_of, target, reading, output)
    return await _export(plan, connection)


async def _export(plan: ExportPlan, connection: Connection) -> int:
    watcher = Watcher(plan.output)
    async with connection.without_project().client(plan.output, watcher) as env:
        export = ExportRun(env, plan, watcher, waits=connection.wait)
        return await export.run(connection.project)
