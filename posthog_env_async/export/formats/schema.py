"""Which columns a Parquet file has: those of the rows' model, or what the rows themselves show."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import attrs

from posthog_env_async.models import LogEntry, PersistedFolder, Person, Project

from .column_types import ColumnType, type_of, widest_type
from .columns import Column
from .flatten import fields_of

__all__ = ["EXTRA", "Schema", "model_of", "model_types", "schema_of"]

EXTRA = "extra"

MODELS: Mapping[type[Any], Mapping[str, ColumnType]] = {
    Person: {
        "uuid": "text",
        "id": "text",
        "created_at": "time",
        "last_seen_at": "time",
        "is_identified": "boolean",
        "name": "text",
        "distinct_ids": "texts",
        "properties": "json",
    },
    LogEntry: {
        "uuid": "text",
        "timestamp": "time_ns",
        "observed_timestamp": "time_ns",
        "level": "text",
        "severity_text": "text",
        "severity_number": "integer",
        "body": "text",
        "attributes": "json",
        "resource_attributes": "json",
        "trace_id": "text",
        "span_id": "text",
        "event_name": "text",
        "instrumentation_scope": "text",
        "resource_fingerprint": "text",
        "live_logs_checkpoint": "time_ns",
    },
    PersistedFolder: {
        "id": "text",
        "type": "text",
        "protocol": "text",
        "path": "text",
        "created_at": "time",
        "updated_at": "time",
    },
    Project: {"id": "integer", "name": "text", "uuid": "text", "organization": "text"},
}
FURTHER: Mapping[type[Any], Mapping[str, ColumnType]] = {
    Person: {"value_at_data_point": "json", "matched_recordings": "json", "type": "text"},
}
"""Fields that some servers send besides; columns only where they are chosen."""
SIGNS: tuple[tuple[type[Any], frozenset[str]], ...] = (
    (Person, frozenset({"uuid", "distinct_ids", "properties", "created_at"})),
    (LogEntry, frozenset({"uuid", "body", "severity_text", "resource_attributes"})),
    (PersistedFolder, frozenset({"id", "protocol", "path", "updated_at"})),
)
"""The fields by which the rows of a model are known."""


@attrs.frozen
class Schema:
    """The columns of a table, in their order; each has a type.

    A column that `is_rest` takes as JSON what has no column or does not fit its type.
    """

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


def model_types(
    model: type[Any] | None, *, further: bool = False
) -> Mapping[str, ColumnType] | None:
    """Return the fields of a model with their types, `None` for a model that is not ours."""
    fields = MODELS.get(model) if model is not None else None
    if fields is None or not further:
        return fields
    return {**fields, **FURTHER.get(model or object, {})}


def schema_of(
    rows: Iterable[bytes],
    *,
    model: type[Any] | None = None,
    columns: Sequence[Column] | None = None,
    added: Sequence[Column] = (),
) -> Schema:
    """Return the columns for some rows: all of them are read only where no model is known.

    `added` are columns behind those that were chosen or, without a choice, all others.
    """
    rows = iter(rows)
    first = list(islice(rows, 1))
    types = model_types(model or model_of(first), further=columns is not None)
    if types is None:
        types = _shown(chain(first, rows))
    if columns is None:
        own = {EXTRA, *(column.name for column in added)}
        names = [name for name in types if name not in own]
        columns = [*(Column(name, name) for name in names), *added, Column(EXTRA, EXTRA)]
    else:
        columns = [*columns, *added]
    return Schema(tuple(_with_type(column, types) for column in columns))


def _with_type(column: Column, types: Mapping[str, ColumnType]) -> Column:
    if column.type is not None:
        return column
    column_type: ColumnType = "json" if column.is_rest else "text"
    if column.key is None and not column.is_rest:
        column_type = types.get(column.name, "text")
    return attrs.evolve(column, type=column_type)


def model_of(first: Sequence[bytes]) -> type[Any] | None:
    """Return the model that the first row shows, if it is one of ours."""
    rows = map(fields_of, first)
    return next(
        (model for fields in rows for model, signs in SIGNS if signs <= fields.keys()), None
    )


def _shown(rows: Iterable[bytes]) -> Mapping[str, ColumnType]:
    types = dict[str, ColumnType | None]()
    for fields in map(fields_of, rows):
        for name, value in fields.items():
            types[name] = widest_type(types.get(name), type_of(value))
    return {name: column_type or "text" for name, column_type in types.items()}
