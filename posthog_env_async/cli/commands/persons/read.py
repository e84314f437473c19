"""`posthog-env persons`: list, get, at, values, activity, cohorts."""

from contextlib import aclosing
from typing import Annotated

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.filters import (
    ALL_PERSONS,
    DEFAULT_PAGING,
    Paging,
    PersonFilters,
)
from posthog_env_async.cli.output.console import for_people, json_of, show_table, write_line
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.stream import Columns, show_answer, show_listing, write_models
from posthog_env_async.models import Person

__all__ = [
    "ACTIVITY_EXAMPLES",
    "AT_EXAMPLES",
    "COHORTS_EXAMPLES",
    "COLUMNS",
    "GET_EXAMPLES",
    "LIST_EXAMPLES",
    "VALUES_EXAMPLES",
    "get_person",
    "list_activity",
    "list_cohorts_of",
    "list_persons",
    "list_values",
    "person_at",
]

COLUMNS = Columns(
    (
        ("uuid", lambda person: person.uuid),
        ("name", lambda person: person.name),
        ("email", lambda person: person.properties.get("email")),
        ("created", lambda person: person.created_at),
        ("distinct id", lambda person: person.distinct_ids[:1]),
    ),
    wide={"name", "distinct id"},
)
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
LIST_EXAMPLES = """Examples:

  posthog-env persons list --search @example.com
  posthog-env persons list --property plan=scale --property 'seats>=10'
  posthog-env persons list --max-items 1000 > some.ndjson

For all persons, in a complete file: posthog-env export persons"""
GET_EXAMPLES = """Examples:

  posthog-env persons get 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01
  posthog-env persons get 4711 --json | jq .properties"""
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


async def list_persons(
    *,
    filters: PersonFilters = ALL_PERSONS,
    paging: Paging = DEFAULT_PAGING,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List persons, newest first: a table on a terminal, else every person as a line of JSON."""
    chosen = filters.query() | paging.settings()
    return await show_listing(options, "person", COLUMNS, lambda env: env.persons.list(**chosen))


async def get_person(
    id: Annotated[str, Parameter(help="A UUID, or the number that the server gave the person.")],
    /,
    *,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Get one person by UUID or number; by distinct id or e-mail address: persons lookup."""
    async with options.client() as env:
        return _show(await env.persons.get(id), options)


async def person_at(
    moment: Annotated[str, Parameter(help="An ISO time; without a zone: UTC.")],
    /,
    *,
    distinct_id: Annotated[str | None, Parameter(help="A distinct id of the person.")] = None,
    id: Annotated[str | None, Parameter(help="Instead: the UUID or number.")] = None,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Show a person as it was at a time."""
    async with options.client() as env:
        return _show(await env.persons.at(moment, distinct_id=distinct_id, id=id), options)


async def list_values(
    key: Annotated[str, Parameter(help="The property's name.")],
    /,
    *,
    search: Annotated[str | None, Parameter(help="Only values that contain this.")] = None,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List the most frequent values of a property, with how many persons have each."""
    return await show_answer(
        options, VALUES, lambda env: env.persons.property_values(key, search=search)
    )


async def list_activity(
    id: Annotated[str | None, Parameter(help="The UUID or number of one person.")] = None,
    /,
    *,
    max_items: Annotated[int, Parameter(help="Stop after this many.")] = 50,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List what was done to persons, or to one, newest first."""
    async with (
        options.client() as env,
        aclosing(env.persons.activity(id, max_items=max_items)) as entries,
    ):
        activity = [entry async for entry in entries]
    return write_models(activity, ACTIVITY, options)


async def list_cohorts_of(
    id: Annotated[str, Parameter(help="The person's UUID or number.")],
    /,
    *,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List the cohorts that a person belongs to."""
    return await show_answer(options, COHORTS, lambda env: env.persons.cohorts(id))


def _show(person: Person, options: ClientOptions) -> int:
    """Write a person to stdout: a table of its fields on a terminal, else a line of JSON."""
    if for_people(json=options.json):
        show_table(("field", "value"), _fields(person))
    else:
        write_line(json_of(person))
    return OK


def _fields(person: Person) -> list[tuple[str, object]]:
    named: list[tuple[str, object]] = [
        ("uuid", person.uuid),
        ("id", person.id),
        ("name", person.name),
        ("created", person.created_at),
        ("last seen", person.last_seen_at),
        ("distinct ids", person.distinct_ids),
    ]
    return named + [(f"properties.{key}", value) for key, value in person.properties.items()]
