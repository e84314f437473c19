"""Options that choose log entries."""

from typing import Annotated, Any, Literal

import attrs
from cyclopts import Group, Parameter

from .conditions import log_condition_of

__all__ = ["LAST_HOUR", "LAST_HOUR_QUERY", "LogFilters", "LogQuery"]

FILTERS = Group("Filters", sort_key=10, help="All of them must hold.")


@Parameter(name="*", group=FILTERS)
@attrs.frozen(kw_only=True)
class LogFilters:
    """Which log entries."""

    from_: Annotated[
        str,
        Parameter(
            name="--from",
            help="An ISO time (UTC if it has no zone), or how long ago: -6h, -7d.",
            allow_leading_hyphen=True,
        ),
    ] = "-1h"
    to: Annotated[
        str | None, Parameter(help="As --from; by default now.", allow_leading_hyphen=True)
    ] = None
    level: Annotated[
        tuple[Literal["trace", "debug", "info", "warn", "error", "fatal"], ...],
        Parameter(help="A severity; can be repeated.", negative=(), show_default=False),
    ] = ()
    service: Annotated[
        tuple[str, ...],
        Parameter(help="A service; can be repeated.", negative=(), show_default=False),
    ] = ()
    search: Annotated[str | None, Parameter(help="Text in the message.")] = None
    filter: Annotated[
        tuple[str, ...],
        Parameter(
            help="A condition on message, attribute:KEY or resource:KEY, as in"
            " 'resource:service.name=checkout'. Can be repeated.",
            negative=(),
            show_default=False,
        ),
    ] = ()

    def query(self) -> dict[str, Any]:
        """Return the filters as `logs.count` takes them."""
        return {
            "date_from": self.from_,
            "date_to": self.to,
            "severity_levels": self.level,
            "service_names": self.service,
            "search_term": self.search,
            "filters": tuple(map(log_condition_of, self.filter)),
        }


@Parameter(name="*", group=FILTERS)
@attrs.frozen(kw_only=True)
class LogQuery(LogFilters):
    """Which log entries, and which of them come first."""

    order: Annotated[Literal["latest", "earliest"], Parameter(help="Which entries come first.")] = (
        "latest"
    )

    def query(self) -> dict[str, Any]:
        """Return the filters as `logs.query` takes them."""
        return {**LogFilters.query(self), "order_by": self.order}


LAST_HOUR = LogFilters()
LAST_HOUR_QUERY = LogQuery()
