"""Which columns a Parquet file has: those of the rows' model, or what the rows themselves show."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import attrs

from posthog_env_async.models import LogEntry, PersistedFolder, Person, Project

from .column_types import Kind, joined, kind_of
from .columns import Column
from .flatten import fields_of

__all__ = ["EXTRA", "Schema", "model_kinds", "model_of", "schema_of"]

EXTRA = "extra"

MODELS: Mapping[type[Any], Mapping[str, Kind]] = {
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
FURTHER: Mapping[type[Any], Mapping[str, Kind]] = {
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
    """The columns of a table, in their order; each has a kind.

    A column that `is_rest` takes as JSON what has no column or does not fit its type.
    """

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


def model_kinds(model: type[Any] | None, *, further: bool = False) -> Mapping[str, Kind] | None:
    """Return the fields of a model with their kinds, `None` for a model that is not ours."""
    found = MODELS.get(model) if model is not None else None
    if found is None or not further:
        return found
    return {**found, **FURTHER.get(model or object, {})}


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
    kinds = model_kinds(model or model_of(first), further=columns is not None)
    if kinds is None:
        kinds = _shown(chain(first, rows))
    if columns is None:
        own = {EXTRA, *(column.name for column in added)}
        names = [name for name in kinds if name not in own]
        columns = [*(Column(name, name) for name in names), *added, Column(EXTRA, EXTRA)]
    else:
        columns = [*columns, *added]
    return Schema(tuple(_with_kind(column, kinds) for column in columns))


def _with_kind(column: Column, kinds: Mapping[str, Kind]) -> Column:
    if column.kind is not None:
        return column
    kind: Kind = "json" if column.is_rest else "text"
    if column.key is None and not column.is_rest:
        kind = kinds.get(column.name, "text")
    return attrs.evolve(column, kind=kind)


def model_of(first: Sequence[bytes]) -> type[Any] | None:
    """Return the model that the first row shows, if it is one of ours."""
    rows = map(fields_of, first)
    return next(
        (model for fields in rows for model, signs in SIGNS if signs <= fields.keys()), None
    )


def _shown(rows: Iterable[bytes]) -> Mapping[str, Kind]:
    kinds = dict[str, Kind | None]()
    for fields in map(fields_of, rows):
        for name, value in fields.items():
            kinds[name] = joined(kinds.get(name), kind_of(value))
    return {name: kind or "text" for name, kind in kinds.items()}
