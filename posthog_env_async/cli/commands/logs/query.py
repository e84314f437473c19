"""`posthog-env logs query`: the entries themselves."""

from typing import Annotated

from cyclopts import Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.logs import LAST_HOUR_QUERY, LogQuery
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.stream import Columns, print_listing

__all__ = ["EXAMPLES", "query_logs"]

COLUMNS = Columns(
    (
        ("time", lambda entry: entry.timestamp),
        ("level", lambda entry: entry.level or entry.severity_text),
        ("service", lambda entry: entry.resource_attributes.get("service.name")),
        ("message", lambda entry: entry.body),
    )
)
EXAMPLES = """Examples:

  posthog-env logs query --from -6h --level error --level fatal
  posthog-env logs query --service checkout --filter 'attribute:http.status_code>=500'
  posthog-env logs query --from 2026-09-01 --to 2026-09-02 --json | jq -r .body"""


async def query_logs(
    *,
    filters: LogQuery = LAST_HOUR_QUERY,
    page_size: Annotated[int, Parameter(help="Entries per request, 1 to 2,000.")] = 1000,
    max_items: Annotated[int | None, Parameter(help="Stop after this many.")] = None,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Query log entries: a table on a terminal, else every entry as a line of JSON."""
    async with connection.client(output) as env:
        listing = env.logs.query(**filters.query(), page_size=page_size, max_items=max_items)
        return await print_listing(listing, "entry", COLUMNS, output)
