"""The operators of property filters, for persons and logs (docs/server.md, Filters)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from posthog_env_async.testing.http.shapes import is_list

__all__ = ["MISSING", "OPERATORS", "holds"]

MISSING = object()
Operator = Callable[[Any, Any], bool]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _any_of(value: Any) -> list[str]:
    values: list[Any] = value if is_list(value) else [value]
    return [_text(entry) for entry in values]


def _exact(actual: Any, value: Any) -> bool:
    return _text(actual) in _any_of(value)


def _icontains(actual: Any, value: Any) -> bool:
    return any(entry.lower() in _text(actual).lower() for entry in _any_of(value))


def _regex(actual: Any, value: Any) -> bool:
    return any(re.search(entry, _text(actual)) is not None for entry in _any_of(value))


def _compare(actual: Any, value: Any) -> int:
    try:
        left, right = float(actual), float(value)
    except (TypeError, ValueError):
        return (_text(actual) > _text(value)) - (_text(actual) < _text(value))
    return (left > right) - (left < right)


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _dated(test: Callable[[datetime, datetime], bool]) -> Operator:
    def compare(actual: Any, value: Any) -> bool:
        left, right = _moment(actual), _moment(value)
        return left is not None and right is not None and test(left, right)

    return _present(compare)


def _present(test: Operator) -> Operator:
    return lambda actual, value: (
        actual is not MISSING and actual is not None and test(actual, value)
    )


def _negated(test: Operator) -> Operator:
    return lambda actual, value: not _present(test)(actual, value)


OPERATORS: dict[str, Operator] = {
    "exact": _present(_exact),
    "is_not": _negated(_exact),
    "icontains": _present(_icontains),
    "not_icontains": _negated(_icontains),
    "regex": _present(_regex),
    "not_regex": _negated(_regex),
    "gt": _present(lambda actual, value: _compare(actual, value) > 0),
    "gte": _present(lambda actual, value: _compare(actual, value) >= 0),
    "lt": _present(lambda actual, value: _compare(actual, value) < 0),
    "lte": _present(lambda actual, value: _compare(actual, value) <= 0),
    "is_set": _present(lambda actual, value: True),
    "is_not_set": _negated(lambda actual, value: True),
    "is_date_exact": _dated(lambda actual, value: actual.date() == value.date()),
    "is_date_before": _dated(lambda actual, value: actual < value),
    "is_date_after": _dated(lambda actual, value: actual > value),
    "in": _present(_exact),
    "not_in": _negated(_exact),
}


def holds(operator: str, actual: Any, value: Any) -> bool:
    """Tell whether a value passes; `actual` is `MISSING` where there is none."""
    return OPERATORS[operator](actual, value)
