"""What logs are asked for: checked, absolute in time, and written as every server takes it."""

from collections.abc import Sequence
from typing import Any, TypedDict, cast, get_args

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import LogLevel, PropertyFilter

from .log_dates import Date, date_range

__all__ = ["LogFilters", "query_fields"]

LEVELS = get_args(LogLevel)


class LogFilters(TypedDict, total=False):
    """Which log entries are meant: as in `logs.query`."""

    date_from: Date
    date_to: Date | None
    severity_levels: Sequence[LogLevel]
    service_names: Sequence[str]
    search_term: str | None
    filters: Sequence[PropertyFilter]


def query_fields(
    *,
    date_from: Date = "-1h",
    date_to: Date | None = None,
    severity_levels: Sequence[LogLevel] = (),
    service_names: Sequence[str] = (),
    search_term: str | None = None,
    filters: Sequence[PropertyFilter] = (),
) -> dict[str, Any]:
    """Return the fields of a query.

    Raises:
        ConfigurationError: for a value that the server would answer with 500 or misread.
    """
    _check_texts(severity_levels=severity_levels, service_names=service_names)
    _check_choices(severity_levels, filters)
    if search_term is not None and not _is_text(search_term):
        raise ConfigurationError("search_term must be a string")
    fields: dict[str, Any] = {
        "dateRange": date_range(date_from, date_to),
        "severityLevels": list(severity_levels),
        "serviceNames": list(service_names),
        "filterGroup": _groups(filters),
    }
    return fields if search_term is None else {**fields, "searchTerm": search_term}


def _groups(filters: Sequence[PropertyFilter]) -> dict[str, Any]:
    """Return the two-level group that every server version takes (docs/server.md, Logs)."""
    leaves = [condition.wire() for condition in filters]
    return {"type": "AND", "values": [{"type": "AND", "values": leaves}]}


def _check_texts(**lists: object) -> None:
    for name, texts in lists.items():
        if not isinstance(texts, list | tuple) or not all(
            map(_is_text, cast("Sequence[object]", texts))
        ):
            raise ConfigurationError(f"{name} must be a list of texts")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check_choices(severity_levels: Sequence[str], filters: Sequence[object]) -> None:
    if not set(severity_levels) <= set(LEVELS):
        raise ConfigurationError(f"severity_levels are some of {', '.join(LEVELS)}")
    if not all(isinstance(each, PropertyFilter) and each.is_for_logs for each in filters):
        raise ConfigurationError(
            "filters of logs must be PropertyFilters of type 'log', 'log_attribute' or"
            " 'log_resource_attribute'"
        )
