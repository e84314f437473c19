"""`posthog-env logs query`, and the options that choose log entries."""

from typing import Annotated, Any, Literal

import attrs
from cyclopts import App, Group, Parameter

from posthog_env_async.cli.options.conditions import log_condition_of
from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.stream import Columns, print_listing

__all__ = ["COLUMNS", "LAST_HOUR", "LogFilters", "app", "query_logs"]

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
FILTERS = Group("Filters", sort_key=10, help="Several are ANDed.")

app = App(name="logs", help="The logs of a project.")


@Parameter(name="*", group=FILTERS)
@attrs.frozen(kw_only=True)
class LogFilters:
    """Which log entries."""

    from_: Annotated[
        str,
        Parameter(
            name="--from",
            help="An ISO time (without a zone: UTC), or a time back such as -6h or -7d.",
            allow_leading_hyphen=True,
        ),
    ] = "-1h"
    to: Annotated[
        str | None, Parameter(help="The same; by default now.", allow_leading_hyphen=True)
    ] = None
    level: Annotated[
        tuple[Literal["trace", "debug", "info", "warn", "error", "fatal"], ...],
        Parameter(help="A severity; may be repeated.", negative=(), show_default=False),
    ] = ()
    service: Annotated[
        tuple[str, ...],
        Parameter(help="A service; may be repeated.", negative=(), show_default=False),
    ] = ()
    search: Annotated[str | None, Parameter(help="A part of the message.")] = None
    filter: Annotated[
        tuple[str, ...],
        Parameter(
            help="A condition on message, attribute:KEY or resource:KEY, as in"
            " 'resource:service.name=checkout'. May be repeated.",
            negative=(),
            show_default=False,
        ),
    ] = ()
    order: Annotated[Literal["latest", "earliest"], Parameter(help="Which come first.")] = "latest"

    def query(self) -> dict[str, Any]:
        """Return the filters as `logs.query` takes them."""
        return {
            "date_from": self.from_,
            "date_to": self.to,
            "severity_levels": self.level,
            "service_names": self.service,
            "search_term": self.search,
            "filters": tuple(map(log_condition_of, self.filter)),
            "order_by": self.order,
        }


LAST_HOUR = LogFilters()


@app.command(name="query", help_epilogue=epilogue(EXAMPLES))
async def query_logs(
    *,
    filters: LogFilters = LAST_HOUR,
    page_size: Annotated[int, Parameter(help="Entries a request, 1 to 2,000.")] = 1000,
    max_items: Annotated[int | None, Parameter(help="Stop after so many.")] = None,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Query log entries: a table on a terminal, else every entry as a line of JSON."""
    async with connection.client() as env:
        listing = env.logs.query(**filters.query(), page_size=page_size, max_items=max_items)
        return await print_listing(listing, "entry", COLUMNS, output)
