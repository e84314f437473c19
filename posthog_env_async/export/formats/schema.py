"""Which columns a Parquet file has: those of the rows' model, or what the rows themselves show."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, cast

import attrs

from posthog_env_async.converter import load
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import LogEntry, PersistedFolder, Person, Project

from .column_types import Kind, joined, kind_of
from .flatten import VALUE

__all__ = ["EXTRA", "PROPERTIES", "Schema", "fields_of", "schema_of"]

EXTRA = "extra"
PROPERTIES = "properties"
TEXT: Kind = "text"

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
        "timestamp": "time",
        "observed_timestamp": "time",
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
        "live_logs_checkpoint": "time",
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
SIGNS: tuple[tuple[type[Any], frozenset[str]], ...] = (
    (Person, frozenset({"uuid", "distinct_ids", "properties", "created_at"})),
    (LogEntry, frozenset({"uuid", "body", "severity_text", "resource_attributes"})),
    (PersistedFolder, frozenset({"id", "protocol", "path", "updated_at"})),
)
"""The fields by which the rows of a model are known."""


@attrs.frozen
class Schema:
    """The columns of a Parquet file, by name; `properties` are columns of their own.

    With `extra`, a column of that name takes as JSON what has no column or does not fit its type.
    """

    columns: Mapping[str, Kind]
    properties: Mapping[str, Kind]
    extra: bool = True


def fields_of(row: bytes) -> Mapping[str, Any]:
    """Return the fields of a row; a row that is no object has the one field `value`."""
    fields = load(row)
    return cast("Mapping[str, Any]", fields) if isinstance(fields, dict) else {VALUE: fields}


def schema_of(
    rows: Iterable[bytes],
    *,
    model: type[Any] | None = None,
    columns: Sequence[str] | None = None,
    property_columns: Mapping[str, Kind],
) -> Schema:
    """Return the columns for some rows: all of them are read only where no model is known.

    Raises:
        ConfigurationError: for a column that there is not.
    """
    rows = iter(rows)
    first = [fields_of(row) for row in islice(rows, 1)]
    known = MODELS.get(model or _recognised(first)) or _shown(first, rows)
    if columns is None:
        return Schema(known, property_columns)
    strangers = [name for name in columns if name not in known and name != EXTRA]
    if strangers and first:
        raise ConfigurationError(
            f"there is no column {strangers[0]!r}: choose from {', '.join((*known, EXTRA))};"
            " a property is chosen with property_columns"
        )
    chosen = dict[str, Kind]()
    for name in columns:
        if name != EXTRA:
            chosen[name] = known.get(name, TEXT)
    return Schema(chosen, property_columns, EXTRA in columns)


def _recognised(first: Sequence[Mapping[str, Any]]) -> Any:
    found = (model for model, signs in SIGNS for fields in first if signs <= fields.keys())
    return next(found, None)


def _shown(first: Sequence[Mapping[str, Any]], rest: Iterable[bytes]) -> Mapping[str, Kind]:
    kinds = dict[str, Kind | None]()
    for fields in chain(first, map(fields_of, rest)):
        for name, value in fields.items():
            kinds[name] = joined(kinds.get(name), kind_of(value))
    kinds.pop(EXTRA, None)
    return {name: kind or TEXT for name, kind in kinds.items()}
