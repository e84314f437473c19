"""Options that choose persons and log entries, and say how persons are read."""

from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
from cyclopts import Group, Parameter

from .conditions import GRAMMAR, condition_of, conditions_in, log_condition_of
from .parsing import page_size_of

__all__ = [
    "ALL_PERSONS",
    "DEFAULT_PAGING",
    "LAST_HOUR",
    "LAST_HOUR_QUERY",
    "LogFilters",
    "LogQuery",
    "Paging",
    "PersonFilters",
]

FILTERS = Group("Filters", sort_key=10, help="All of them must hold.")
PAGING = Group("Paging", sort_key=20)


@Parameter(name="*", group=FILTERS)
@attrs.frozen(kw_only=True)
class PersonFilters:
    """Which persons."""

    search: Annotated[
        str | None, Parameter(help="Text in the e-mail, name or id (older servers: in the e-mail).")
    ] = None
    email: Annotated[str | None, Parameter(help="The exact e-mail address.")] = None
    distinct_id: Annotated[str | None, Parameter(help="An exact distinct id.")] = None
    property: Annotated[
        tuple[str, ...],
        Parameter(
            help=f"A condition on a property: {GRAMMAR}. Can be repeated.",
            allow_leading_hyphen=True,
        ),
    ] = ()
    properties_file: Annotated[
        Path | None, Parameter(help="A JSON file with a list of filters as the API takes them.")
    ] = None

    def query(self) -> dict[str, Any]:
        """Return the filters as `persons.list` takes them.

        Raises:
            ConfigurationError: for a condition that is none.
        """
        conditions = tuple(map(condition_of, self.property))
        if self.properties_file is not None:
            conditions += conditions_in(self.properties_file)
        return {
            "search": self.search,
            "email": self.email,
            "distinct_id": self.distinct_id,
            "properties": conditions or None,
        }


@Parameter(name="*", group=PAGING)
@attrs.frozen(kw_only=True)
class Paging:
    """How the persons are read."""

    page_size: Annotated[
        str, Parameter(help="Rows per request, 1 to 10,000; auto grows while the server is fast.")
    ] = "auto"
    prefetch: Annotated[int, Parameter(help="Pages to read ahead.")] = 4
    max_items: Annotated[int | None, Parameter(help="Stop after this many persons.")] = None
    offset: Annotated[int, Parameter(help="Skip this many of the server's rows.")] = 0

    def settings(self) -> dict[str, Any]:
        """Return them as `persons.list` takes them."""
        return {
            "page_size": page_size_of(self.page_size),
            "prefetch": self.prefetch,
            "max_items": self.max_items,
            "offset": self.offset,
        }


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
        Parameter(help="A severity; can be repeated."),
    ] = ()
    service: Annotated[
        tuple[str, ...],
        Parameter(help="A service; can be repeated."),
    ] = ()
    search: Annotated[str | None, Parameter(help="Text in the message.")] = None
    filter: Annotated[
        tuple[str, ...],
        Parameter(
            help="A condition on message, attribute:KEY or resource:KEY, as in"
            " 'resource:service.name=checkout'. Can be repeated.",
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
        return {**super().query(), "order_by": self.order}


ALL_PERSONS = PersonFilters()
DEFAULT_PAGING = Paging()
LAST_HOUR = LogFilters()
LAST_HOUR_QUERY = LogQuery()
