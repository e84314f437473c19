"""`posthog-env logs`: query, count, sparkline, services, attributes, values."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.filters import LAST_HOUR, LAST_HOUR_QUERY, LogFilters, LogQuery
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import OutputConsole, for_people, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.sparkline import picture
from posthog_env_async.cli.output.stream import Columns, show_answer, show_listing, write_models

__all__ = [
    "app",
    "count_logs",
    "list_attributes",
    "list_services",
    "list_values",
    "query_logs",
    "show_sparkline",
]

ENTRIES = Columns(
    (
        ("time", lambda entry: entry.timestamp),
        ("level", lambda entry: entry.level or entry.severity_text),
        ("service", lambda entry: entry.resource_attributes.get("service.name")),
        ("message", lambda entry: entry.body),
    )
)
SERVICES = Columns((("service", lambda row: row.name), ("entries", lambda row: row.count)))
ATTRIBUTES = Columns((("attribute", lambda row: row.name), ("type", lambda row: row.filter_type)))
VALUES = Columns((("value", lambda row: row.name), ("entries", lambda row: row.count)))
QUERY_EXAMPLES = """Examples:

  posthog-env logs query --from -6h --level error --level fatal
  posthog-env logs query --service checkout --filter 'attribute:http.status_code>=500'
  posthog-env logs query --from 2026-09-01 --to 2026-09-02 --json | jq -r .body"""
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
AttributeType = Annotated[
    Literal["log", "resource"] | None, Parameter(help="Of the entries, or of what wrote them.")
]

app = App(name="logs", help="The logs of a project.")


@app.command(name="query", help_epilogue=QUERY_EXAMPLES + EXIT_CODES)
async def query_logs(
    *,
    filters: LogQuery = LAST_HOUR_QUERY,
    page_size: Annotated[int, Parameter(help="Entries per request, 1 to 2,000.")] = 1000,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Query log entries: a table on a terminal, else every entry as a line of JSON."""
    chosen: dict[str, Any] = {**filters.query(), "page_size": page_size, "max_items": max_items}
    return await show_listing(options, "entry", ENTRIES, lambda env: env.logs.query(**chosen))


@app.command(name="count", help_epilogue=COUNT_EXAMPLES + EXIT_CODES)
async def count_logs(
    *, filters: LogFilters = LAST_HOUR, options: ClientOptions = DEFAULT_OPTIONS
) -> int:
    """Count log entries."""
    async with options.client() as env:
        count = await env.logs.count(**filters.query())
    if for_people(json=options.json):
        OutputConsole(highlight=False).print(f"{count:,}")
    else:
        write_json({"count": count})
    return OK


@app.command(name="sparkline", help_epilogue=SPARKLINE_EXAMPLES + EXIT_CODES)
async def show_sparkline(
    *, filters: LogFilters = LAST_HOUR, options: ClientOptions = DEFAULT_OPTIONS
) -> int:
    """Draw how many entries there were over time, a line for each level."""
    async with options.client() as env:
        buckets = await env.logs.sparkline(**filters.query())
    if not for_people(json=options.json):
        return write_models(buckets, SERVICES, options)
    console = OutputConsole(highlight=False)
    for line in picture(buckets, console.width):
        console.print(line, markup=False)
    return OK


@app.command(name="services", help_epilogue=SERVICES_EXAMPLES + EXIT_CODES)
async def list_services(
    *, filters: LogFilters = LAST_HOUR, options: ClientOptions = DEFAULT_OPTIONS
) -> int:
    """List the services that logged, 25 at most, with how many entries each wrote."""
    chosen = filters.query()
    return await show_answer(options, SERVICES, lambda env: env.logs.services(**chosen))


@app.command(name="attributes", help_epilogue=ATTRIBUTES_EXAMPLES + EXIT_CODES)
async def list_attributes(
    *,
    match: Annotated[str | None, Parameter(help="A part of the attribute's name.")] = None,
    type: AttributeType = None,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    filters: LogFilters = LAST_HOUR,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List the attributes that log entries have."""
    chosen: dict[str, Any] = {**filters.query(), "search": match, "attribute_type": type or "log"}
    return await show_answer(
        options, ATTRIBUTES, lambda env: env.logs.attributes(max_items=max_items, **chosen)
    )


@app.command(name="values", help_epilogue=VALUES_EXAMPLES + EXIT_CODES)
async def list_values(
    key: Annotated[str, Parameter(help="The attribute's name.")],
    /,
    *,
    match: Annotated[str | None, Parameter(help="A part of the value.")] = None,
    type: AttributeType = None,
    filters: LogFilters = LAST_HOUR,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """List the values of an attribute, with counts where the server has them."""
    chosen: dict[str, Any] = {**filters.query(), "search": match, "attribute_type": type}
    return await show_answer(options, VALUES, lambda env: env.logs.attribute_values(key, **chosen))
