"""`posthog-env export`: persons, cohorts, folders, logs."""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.export import (
    DEFAULT_DESTINATION,
    DEFAULT_READ_OPTIONS,
    Destination,
    ReadOptions,
)
from posthog_env_async.cli.options.filters import (
    ALL_PERSONS,
    LAST_HOUR_QUERY,
    LogQuery,
    PersonFilters,
)
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import USAGE
from posthog_env_async.errors import ConfigurationError

from .run import ExportCommand

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

KEY = "POSTHOG_PERSONAL_API_KEY"
PROJECT = "POSTHOG_PROJECT_ID"
HOST = "POSTHOG_HOST"

app = App(
    name="export",
    help="Export into complete files; an export that was stopped is resumed.",
    help_epilogue=EXAMPLES + EXIT_CODES,
)


@app.default
async def export(*what: Annotated[str, Parameter(show=False)]) -> int:
    """Say what an export needs, and which of it is there."""
    if what:
        raise ConfigurationError("export persons, cohort, folders or logs; see --help")
    print_message("\n".join(_needs(os.environ)))
    return USAGE


@app.command(name="persons", help_epilogue=EXAMPLES + EXIT_CODES)
async def export_persons(
    *,
    filters: PersonFilters = ALL_PERSONS,
    destination: Destination = DEFAULT_DESTINATION,
    reading: ReadOptions = DEFAULT_READ_OPTIONS,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Export every person of one project or many; --project takes several, as in 1-5,9."""
    chosen = filters.query() | reading.settings()
    return await ExportCommand(
        what="persons",
        noun="person",
        group="persons",
        listing_of=lambda env: env.persons.list(**chosen),
        destination=destination,
        reading=reading,
        options=options,
    ).run()


@app.command(name="cohort")
async def export_cohort(
    id: Annotated[int, Parameter(help="The cohort's number, from posthog-env cohorts list.")],
    /,
    *,
    destination: Destination = DEFAULT_DESTINATION,
    reading: ReadOptions = DEFAULT_READ_OPTIONS,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Export the persons of a cohort."""
    chosen = reading.settings()
    return await ExportCommand(
        what=f"cohort-{id}",
        noun="person",
        group="persons",
        listing_of=lambda env: env.cohorts.persons(id, **chosen),
        destination=destination,
        reading=reading,
        options=options,
    ).run()


@app.command(name="folders")
async def export_folders(
    *,
    destination: Destination = DEFAULT_DESTINATION,
    reading: ReadOptions = DEFAULT_READ_OPTIONS,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Export the folders of the key's owner in one project or many."""
    chosen = reading.settings()
    return await ExportCommand(
        what="folders",
        noun="folder",
        group="default",
        listing_of=lambda env: env.persisted_folders.list(**chosen),
        destination=destination,
        reading=reading,
        options=options,
    ).run()


@app.command(name="logs")
async def export_logs(
    *,
    filters: LogQuery = LAST_HOUR_QUERY,
    all_projects: Annotated[bool, Parameter(help="Every project that the key can use.")] = False,
    page_size: Annotated[int, Parameter(help="Entries per request, 1 to 2,000.")] = 1000,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    concurrency: Annotated[int, Parameter(help="How many projects at once.")] = 4,
    destination: Destination = DEFAULT_DESTINATION,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Export log entries; to resume later, give --from and --to as times, not relative ones."""
    chosen: dict[str, Any] = {**filters.query(), "page_size": page_size, "max_items": max_items}
    reading = ReadOptions(all_projects=all_projects, concurrency=concurrency)
    return await ExportCommand(
        what="logs",
        noun="entry",
        group="default",
        listing_of=lambda env: env.logs.query(**chosen),
        destination=destination,
        reading=reading,
        options=options,
    ).run()


def _needs(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what is set and what is missing, a line each; never the key itself."""
    yield "An export needs:"
    yield "  what      persons, cohort ID, folders or logs, as in: posthog-env export persons"
    key = f"{KEY} is set" if environment.get(KEY) else f"set {KEY}, or give --key-file FILE"
    yield f"  a key     {key}"
    host = environment.get(HOST)
    yield f"  a host    {f'{HOST} is {host}' if host else f'us, unless {HOST} or --host says else'}"
    project = environment.get(PROJECT)
    given = f"{PROJECT} is {project}" if project else f"set {PROJECT}, or give --project 1-5,9"
    yield f"  projects  {given}; or --all-projects"
    yield "  a file    --out FILE.ndjson, .csv or .parquet, or a folder; else one in this folder"
    yield "posthog-env export persons --help shows every option, with examples."
