"""`posthog-env persons values`, `activity`, `cohorts`, `at`."""

from contextlib import aclosing
from typing import Annotated

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.stream import Columns, print_models

from .read import show_person

__all__ = [
    "ACTIVITY_EXAMPLES",
    "AT_EXAMPLES",
    "COHORTS_EXAMPLES",
    "VALUES_EXAMPLES",
    "list_activity",
    "list_cohorts_of",
    "list_values",
    "person_at",
]

VALUES_EXAMPLES = """Examples:

  posthog-env persons values plan
  posthog-env persons values country --search land"""
ACTIVITY_EXAMPLES = """Examples:

  posthog-env persons activity --max-items 20
  posthog-env persons activity 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"""
COHORTS_EXAMPLES = """Examples:

  posthog-env persons cohorts 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"""
AT_EXAMPLES = """Examples:

  posthog-env persons at 2026-01-31T12:00:00Z --distinct-id user-17
  posthog-env persons at 2026-01-31 --id 4711"""
VALUES = Columns((("value", lambda row: row.name), ("persons", lambda row: row.count)))
ACTIVITY = Columns(
    (
        ("time", lambda entry: entry.created_at),
        ("activity", lambda entry: entry.activity),
        ("of", lambda entry: entry.item_id),
        ("by", lambda entry: entry.user.get("email")),
    )
)
COHORTS = Columns(
    (
        ("id", lambda cohort: cohort.id),
        ("name", lambda cohort: cohort.name),
        ("persons", lambda cohort: cohort.count),
    )
)


async def list_values(
    key: Annotated[str, Parameter(help="The property's name.")],
    /,
    *,
    search: Annotated[str | None, Parameter(help="Only values that contain this.")] = None,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List the most frequent values of a property, with how many persons have each."""
    async with connection.client(output) as env:
        values = await env.persons.property_values(key, search=search)
    return print_models(values, VALUES, output)


async def list_activity(
    id: Annotated[str | None, Parameter(help="The UUID or number of one person.")] = None,
    /,
    *,
    max_items: Annotated[int, Parameter(help="Stop after this many.")] = 50,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List what was done to persons, or to one, newest first."""
    async with (
        connection.client(output) as env,
        aclosing(env.persons.activity(id, max_items=max_items)) as entries,
    ):
        found = [entry async for entry in entries]
    return print_models(found, ACTIVITY, output)


async def list_cohorts_of(
    id: Annotated[str, Parameter(help="The person's UUID or number.")],
    /,
    *,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List the cohorts that a person belongs to."""
    async with connection.client(output) as env:
        cohorts = await env.persons.cohorts(id)
    return print_models(cohorts, COHORTS, output)


async def person_at(
    moment: Annotated[str, Parameter(help="An ISO time; without a zone: UTC.")],
    /,
    *,
    distinct_id: Annotated[str | None, Parameter(help="A distinct id of the person.")] = None,
    id: Annotated[str | None, Parameter(help="Instead: the UUID or number.")] = None,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Show a person as it was at a time."""
    async with connection.client(output) as env:
        show_person(await env.persons.at(moment, distinct_id=distinct_id, id=id), output)
    return OK
