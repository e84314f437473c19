"""The types that a Parquet column can have, and whether a value of JSON is one of them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast, get_args

from posthog_env_async.converter import as_time, dump, nanoseconds
from posthog_env_async.errors import ConfigurationError

__all__ = [
    "CONVERTERS",
    "UNFIT",
    "ColumnType",
    "checked_type",
    "clean_text",
    "type_of",
    "widest_type",
]

ColumnType = Literal["text", "integer", "number", "boolean", "time", "time_ns", "texts", "json"]

MOST = 2**63
EXACT = 2**53
# A fraction of more than six digits would be cut.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
BELOW_MICROSECONDS = re.compile(r"\.\d{6}\d*[1-9]")
BELOW_NANOSECONDS = re.compile(r"\.\d{9}\d*[1-9]")
UNFIT = object()
"""Stands for a value that is not of a type."""


def _text(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else _json(value)


def clean_text(text: str) -> str:
    """Return a text as UTF-8 can carry it: a lone surrogate as JSON writes it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _json(value: Any) -> Any:
    return dump(value).decode()


def _integer(value: Any) -> Any:
    return value if type(value) is int and -MOST <= value < MOST else UNFIT


def _number(value: Any) -> Any:
    if type(value) is int:
        return float(value) if -EXACT <= value <= EXACT else UNFIT
    return value if type(value) is float else UNFIT


def _boolean(value: Any) -> Any:
    return value if type(value) is bool else UNFIT


def _time(value: Any) -> Any:
    try:
        return UNFIT if BELOW_MICROSECONDS.search(value) else as_time(value)
    except (ValueError, TypeError, OverflowError):
        return UNFIT


def _time_ns(value: Any) -> Any:
    try:
        return _integer(UNFIT if BELOW_NANOSECONDS.search(value) else nanoseconds(value))
    except (ValueError, TypeError, OverflowError):
        return UNFIT


def _texts(value: Any) -> Any:
    return [clean_text(text) for text in cast("list[str]", value)] if _are_texts(value) else UNFIT


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and set(map(type, cast("list[object]", value))) <= {str}


CONVERTERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "time": _time,
    "time_ns": _time_ns,
    "texts": _texts,
    "json": _json,
}
"""How a value, other than null, becomes a cell of each type; `UNFIT` when it cannot."""


def checked_type(name: str, column_type: str) -> ColumnType:
    """Return a type that the caller named.

    Raises:
        ConfigurationError: naming those that there are.
    """
    if column_type not in get_args(ColumnType):
        raise ConfigurationError(
            f"the type of {name!r} must be one of {', '.join(get_args(ColumnType))}"
        )
    return cast("ColumnType", column_type)


def type_of(value: Any) -> ColumnType | None:
    """Return the narrowest type that holds a value exactly; `None` for null."""
    if value is None:
        return None
    if isinstance(value, str):
        return "time" if TIME.fullmatch(value) and _time(value) is not UNFIT else "text"
    for column_type in ("boolean", "integer", "number"):
        if CONVERTERS[column_type](value) is not UNFIT:
            return column_type
    return "texts" if _are_texts(value) else "json"


def widest_type(one: ColumnType | None, other: ColumnType | None) -> ColumnType | None:
    """Return the narrowest type that holds the values of two."""
    if one is None or other is None or one == other:
        return one or other
    types = {one, other}
    if types == {"time", "text"}:
        return "text"
    return "json"
