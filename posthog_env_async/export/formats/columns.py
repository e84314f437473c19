"""Columns that the caller chose: read once, and checked against what the rows can have."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast

import attrs

from posthog_env_async.errors import ConfigurationError, ExportWarning

from .column_types import ColumnType, checked_type
from .flatten import fields_of

__all__ = ["REST_NAMES", "Column", "check_columns", "check_rows", "parse_columns", "value_of"]

REST_NAMES = ("extra", "_rest")
"""A column of one of these names takes as JSON what has no column or does not fit it."""


@attrs.frozen
class Column:
    """A field of the rows; with `key`, a value of the object in that field.

    `type` is `None` where the rows or their model tell. `is_project_id` marks the column that is
    added to those of the server.
    """

    name: str
    field: str
    key: str | None = None
    type: ColumnType | None = None
    is_project_id: bool = False

    @property
    def is_rest(self) -> bool:
        """Whether it takes what has no column."""
        return self.name in REST_NAMES

    @classmethod
    def parse(cls, text: str) -> "Column":
        """Read `field`, `field.key` or `field.key=type`."""
        name, _, column_type = text.rpartition("=")
        if not name:
            name, column_type = text, ""
        elif not column_type.isidentifier():
            raise ConfigurationError(f"the column {text!r} must be a name, or name=type")
        field, _, key = name.partition(".")
        if not field:
            raise ConfigurationError(f"the column {text!r} has no name")
        return cls(
            name, field, key or None, checked_type(name, column_type) if column_type else None
        )


def parse_columns(names: Any) -> tuple[Column, ...] | None:
    """Read the names that a caller chose.

    Raises:
        ConfigurationError: when they are not names, none, or the same twice.
    """
    if names is None:
        return None
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError("columns must be a list of names")
    columns = tuple(map(Column.parse, names))
    if len({column.name for column in columns}) != len(columns or " "):
        raise ConfigurationError("columns must be some, and each only once")
    return columns


def check_columns(columns: Sequence[Column], known: Mapping[str, ColumnType]) -> None:
    """Check columns against the fields of a model.

    Raises:
        ConfigurationError: for one that there cannot be, with the nearest name.
    """
    for column in columns:
        if column.is_rest or column.is_project_id:
            continue
        if column.field not in known:
            choice = ", ".join((*known, *REST_NAMES[:1]))
            _refuse(column, known, f"choose from {choice}; a property is properties.NAME")
        if column.key is not None and known[column.field] != "json":
            _refuse(column, known, f"{column.field} has no keys")


def check_rows(columns: Sequence[Column], rows: Iterable[bytes], *, is_model_known: bool) -> None:
    """Check columns against the first rows: warn of keys that none of them has.

    Raises:
        ConfigurationError: for a field that no row has, where no model tells which there are.
    """
    shown = dict[str, set[str]]()
    for row in rows:
        for name, value in fields_of(row).items():
            shown.setdefault(name, set())
            if isinstance(value, dict):
                shown[name].update(cast("dict[str, Any]", value))
    for column in columns if shown else ():
        if column.is_rest or column.is_project_id or column.name in shown:
            continue
        if column.field not in shown and not is_model_known:
            _refuse(column, shown, f"the rows have {', '.join(sorted(shown))}")
        if column.key is not None and column.key not in shown.get(column.field, ()):
            _warn_of_absent(column, shown.get(column.field, set()))


def _refuse(column: Column, known: Iterable[str], advice: str) -> None:
    near = get_close_matches(column.field, list(known), 1)
    hint = f"did you mean {near[0]!r}? " if near and near[0] != column.field else ""
    raise ConfigurationError(f"there is no column {column.name!r}: {hint}{advice}")


def _warn_of_absent(column: Column, keys: Iterable[str]) -> None:
    near = get_close_matches(cast("str", column.key), list(keys), 1)
    hint = f"; did you mean {column.field}.{near[0]}?" if near else ""
    text = f"none of the first rows has {column.name!r}: its column is empty so far{hint}"
    warnings.warn(text, ExportWarning, stacklevel=1)


def value_of(column: Column, fields: Mapping[str, Any]) -> Any:
    """Return what a row has for a column; `None` for nothing."""
    if column.key is None or column.name in fields:
        return fields.get(column.name)
    inner = fields.get(column.field)
    return cast("dict[str, Any]", inner).get(column.key) if isinstance(inner, dict) else None
