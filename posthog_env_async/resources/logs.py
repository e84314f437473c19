"""Logs: query."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import LOG_ROWS, LogEntry, PropertyFilter
from posthog_env_async.pagination import (
    CursorListing,
    CursorSource,
    checked_numbers,
    checked_page_size,
)
from posthog_env_async.session import RetrySafety

from .log_dates import Date, date_range
from .project_scope import ProjectScope

__all__ = ["Logs"]

PATH = "logs/query/"
SCOPE = (("logs:read", "error_tracking:read"),)
MOST_ROWS = 2000
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
ORDERS = ("latest", "earliest")
AVAILABILITY = "Servers from late 2025 on have logs."


@attrs.frozen
class Logs:
    """The logs of a project (docs/server.md, Logs).

    They need the scope `logs:read`, or on older servers `error_tracking:read`.
    """

    _place: ProjectScope

    def query(
        self,
        *,
        date_from: Date = "-1h",
        date_to: Date | None = None,
        severity_levels: Sequence[str] = (),
        service_names: Sequence[str] = (),
        search_term: str | None = None,
        filters: Sequence[PropertyFilter] = (),
        order_by: str = "latest",
        page_size: int = 1000,
        max_items: int | None = None,
    ) -> CursorListing[LogEntry]:
        """Query log entries, paged by the server's cursor.

        Dates are `datetime`s (without a zone: UTC), `date`s, ISO texts or relative texts such as
        `"-6h"` or `"-7d"`; they are made absolute here and now, so that every page asks for the
        same range. A day without a time, `"2026-09-30"`, is the whole day in UTC, as `date_from`
        and as `date_to`. `date_to` is now when left out. Filters are ANDed and of type `log` (its
        key is `message`), `log_attribute` or `log_resource_attribute`. `page_size` is 1 to 2,000.

        Raises:
            ConfigurationError: for a value that the server would answer with 500 or misread.
        """
        _check_texts(severity_levels=severity_levels, service_names=service_names)
        _check_choices(severity_levels, filters, order_by)
        checked_page_size(page_size, MOST_ROWS)
        checked_numbers(max_items=max_items)
        query: dict[str, Any] = {
            "dateRange": date_range(date_from, date_to),
            "severityLevels": list(severity_levels),
            "serviceNames": list(service_names),
            "orderBy": order_by,
            "filterGroup": _groups(filters),
        }
        if search_term is not None:
            query["searchTerm"] = search_term
        call = self._place.call(
            PATH, method="POST", scope=SCOPE, repeat=RetrySafety.SAFE, availability=AVAILABILITY
        )
        subject = self._place.subject(call, {"query": dump(query).decode()})
        source = CursorSource(self._place.session, call, LOG_ROWS, subject, _bodies(query))
        return CursorListing(source, page_size, max_items)


def _bodies(query: Mapping[str, Any]) -> Callable[[int, str | None], Mapping[str, Any]]:
    def body(page_size: int, cursor: str | None) -> Mapping[str, Any]:
        after = {} if cursor is None else {"after": cursor}
        return {"query": {**query, "limit": page_size, **after}}

    return body


def _groups(filters: Sequence[PropertyFilter]) -> dict[str, Any]:
    """Return the two-level group that every server version takes (docs/server.md, Logs)."""
    leaves = [condition.wire() for condition in filters]
    return {"type": "AND", "values": [{"type": "AND", "values": leaves}]}


def _check_texts(**lists: object) -> None:
    for name, texts in lists.items():
        if not isinstance(texts, list | tuple) or not all(
            isinstance(text, str) for text in cast("Sequence[object]", texts)
        ):
            raise ConfigurationError(f"{name} must be a list of texts")


def _check_choices(
    severity_levels: Sequence[str], filters: Sequence[object], order_by: str
) -> None:
    if not set(severity_levels) <= set(LEVELS):
        raise ConfigurationError(f"severity_levels are some of {', '.join(LEVELS)}")
    if order_by not in ORDERS:
        raise ConfigurationError("order_by must be 'latest' or 'earliest'")
    if not all(isinstance(each, PropertyFilter) and each.is_for_logs for each in filters):
        raise ConfigurationError(
            "filters of logs must be PropertyFilters of type 'log', 'log_attribute' or"
            " 'log_resource_attribute'"
        )
