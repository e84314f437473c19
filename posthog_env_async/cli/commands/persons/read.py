"""`posthog-env persons`: list, get."""

from typing import Annotated

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.options.persons import ALL_PERSONS, DEFAULT_PAGING, Paging, PersonFilters
from posthog_env_async.cli.output.console import for_people, show_table, write_line
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.models import json_of
from posthog_env_async.cli.output.stream import Columns, print_listing
from posthog_env_async.models import Person

__all__ = ["COLUMNS", "GET_EXAMPLES", "LIST_EXAMPLES", "get_person", "list_persons", "show_person"]

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
LIST_EXAMPLES = """Examples:

  posthog-env persons list --search @example.com
  posthog-env persons list --property plan=scale --property 'seats>=10'
  posthog-env persons list --max-items 1000 > some.ndjson

For all persons, in a complete file: posthog-env export persons"""
GET_EXAMPLES = """Examples:

  posthog-env persons get 018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01
  posthog-env persons get 4711 --json | jq .properties"""


async def list_persons(
    *,
    filters: PersonFilters = ALL_PERSONS,
    paging: Paging = DEFAULT_PAGING,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List persons, newest first: a table on a terminal, else every person as a line of JSON."""
    async with connection.client(output) as env:
        listing = env.persons.list(**filters.query(), **paging.settings())
        return await print_listing(listing, "person", COLUMNS, output)


async def get_person(
    id: Annotated[str, Parameter(help="A UUID, or the number that the server gave the person.")],
    /,
    *,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Get one person by UUID or number; by distinct id or e-mail address: persons lookup."""
    async with connection.client(output) as env:
        show_person(await env.persons.get(id), output)
    return OK


def show_person(person: Person, output: OutputOptions) -> None:
    """Write a person to stdout: a table of its fields on a terminal, else a line of JSON."""
    if for_people(json=output.json):
        show_table(("field", "value"), _fields(person))
    else:
        write_line(json_of(person))


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
