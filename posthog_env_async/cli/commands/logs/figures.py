"""`posthog-env logs count`, `sparkline`, `services`, `attributes`, `values`."""

from typing import Annotated, Literal

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.logs import LAST_HOUR, LogFilters
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import OutputConsole, for_people, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.sparkline import picture
from posthog_env_async.cli.output.stream import Columns, print_models

__all__ = [
    "ATTRIBUTES_EXAMPLES",
    "COUNT_EXAMPLES",
    "SERVICES_EXAMPLES",
    "SPARKLINE_EXAMPLES",
    "VALUES_EXAMPLES",
    "count_logs",
    "list_attributes",
    "list_services",
    "list_values",
    "show_sparkline",
]

COUNT_EXAMPLES = """Examples:

  posthog-env logs count --from -7d --level error"""
SPARKLINE_EXAMPLES = """Examples:

  posthog-env logs sparkline --from -24h
  posthog-env logs sparkline --service checkout --json"""
SERVICES_EXAMPLES = """Examples:

  posthog-env logs services --from -7d"""
ATTRIBUTES_EXAMPLES = """Examples:

  posthog-env logs attributes --match http
  posthog-env logs attributes --type resource"""
VALUES_EXAMPLES = """Examples:

  posthog-env logs values http.status_code
  posthog-env logs values service.name --type resource --match check"""
SERVICES = Columns((("service", lambda row: row.name), ("entries", lambda row: row.count)))
ATTRIBUTES = Columns((("attribute", lambda row: row.name), ("type", lambda row: row.filter_type)))
VALUES = Columns((("value", lambda row: row.name), ("entries", lambda row: row.count)))
AttributeType = Annotated[
    Literal["log", "resource"] | None, Parameter(help="Of the entries, or of what wrote them.")
]


async def count_logs(
    *,
    filters: LogFilters = LAST_HOUR,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Count log entries."""
    async with connection.client(output) as env:
        count = await env.logs.count(**filters.query())
    if for_people(json=output.json):
        OutputConsole().print(f"{count:,}")
    else:
        write_json({"count": count})
    return OK


async def show_sparkline(
    *,
    filters: LogFilters = LAST_HOUR,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Draw how many entries there were over time, a line for each level."""
    async with connection.client(output) as env:
        buckets = await env.logs.sparkline(**filters.query())
    if not for_people(json=output.json):
        return print_models(buckets, SERVICES, output)
    console = OutputConsole()
    for line in picture(buckets, console.width):
        console.print(line, markup=False)
    return OK


async def list_services(
    *,
    filters: LogFilters = LAST_HOUR,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List the services that logged, 25 at most, with how many entries each wrote."""
    async with connection.client(output) as env:
        services = await env.logs.services(**filters.query())
    return print_models(services, SERVICES, output)


async def list_attributes(
    *,
    match: Annotated[str | None, Parameter(help="A part of the attribute's name.")] = None,
    type: AttributeType = None,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    filters: LogFilters = LAST_HOUR,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List the attributes that log entries have."""
    async with connection.client(output) as env:
        attributes = await env.logs.attributes(
            search=match, attribute_type=type or "log", max_items=max_items, **filters.query()
        )
    return print_models(attributes, ATTRIBUTES, output)


async def list_values(
    key: Annotated[str, Parameter(help="The attribute's name.")],
    /,
    *,
    match: Annotated[str | None, Parameter(help="A part of the value.")] = None,
    type: AttributeType = None,
    filters: LogFilters = LAST_HOUR,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """List the values of an attribute, with counts where the server has them."""
    async with connection.client(output) as env:
        values = await env.logs.attribute_values(
            key, search=match, attribute_type=type, **filters.query()
        )
    return print_models(values, VALUES, output)
