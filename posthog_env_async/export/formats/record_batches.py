"""Rows into Arrow record batches, by a schema; the one code for files and dataframes."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from posthog_env_async.errors import ConfigurationError

from .column_types import CONVERTERS, UNFIT, ColumnType, clean_text
from .columns import Column, value_of
from .flatten import fields_of
from .quick_columns import QuickColumns
from .safe_names import safe_names
from .schema import Schema

__all__ = ["BatchBuilder", "arrow_module"]

ONE_BY_ONE = 16


def arrow_module(name: str = "pyarrow", extra: str = "parquet") -> Any:
    """Import pyarrow, or a module of it.

    Raises:
        ConfigurationError: naming the extra that is missing.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        missing = f"{name} is missing: pip install 'posthog-env-async[{extra}]'"
    raise ConfigurationError(missing)


@attrs.frozen
class BatchBuilder:
    """Turns rows, each a JSON object, into record batches of one schema."""

    columns: tuple[Column, ...]
    schema: Any
    _arrow: Any
    _quick: QuickColumns

    @classmethod
    def of(cls, schema: Schema, arrow: Any, *, use_safe_names: bool = False) -> "BatchBuilder":
        """Return the builder for a schema; `arrow` is pyarrow."""
        arrow_types: Mapping[ColumnType, Any] = {
            "text": arrow.string(),
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "boolean": arrow.bool_(),
            "time": arrow.timestamp("us", tz="UTC"),
            "time_ns": arrow.timestamp("ns", tz="UTC"),
            "texts": arrow.list_(arrow.string()),
            "json": arrow.string(),
        }
        names = safe_names(schema.names) if use_safe_names else map(clean_text, schema.names)
        types: list[ColumnType] = [column.type or "text" for column in schema.columns]
        fields = [
            (name, arrow_types[column_type]) for name, column_type in zip(names, types, strict=True)
        ]
        shape = arrow.schema(fields)
        return cls(schema.columns, shape, arrow, QuickColumns(schema.columns, shape, arrow))

    def batch(self, rows: Sequence[bytes]) -> Any:
        """Return rows as a record batch."""
        batches = list(self._batches(rows))
        if len(batches) == 1:
            return batches[0]
        return self._arrow.Table.from_batches(batches).combine_chunks().to_batches()[0]

    def _batches(self, rows: Sequence[bytes]) -> Iterator[Any]:
        """Yield batches of rows that all fit, or are so few that each is looked at by itself."""
        arrays = self._quick.arrays(rows)
        if arrays is None and len(rows) <= ONE_BY_ONE:
            arrays = self._slow_arrays(rows)
        if arrays is not None:
            yield self._arrow.RecordBatch.from_arrays(arrays, schema=self.schema)
            return
        half = len(rows) // 2
        yield from self._batches(rows[:half])
        yield from self._batches(rows[half:])

    def _slow_arrays(self, rows: Sequence[bytes]) -> list[Any]:
        none: list[tuple[Any, ...]] = [()] * len(self.columns)
        records = list(zip(*map(self._record, rows), strict=True)) or none
        return [
            self._arrow.array(cells, field.type)
            for cells, field in zip(records, self.schema, strict=True)
        ]

    def _record(self, row: bytes) -> list[Any]:
        fields = fields_of(row)
        rest = dict(fields)
        record = [_cell(column, fields, rest) for column in self.columns]
        for number, column in enumerate(self.columns):
            if column.is_rest:
                record[number] = CONVERTERS["json"](rest) if rest else None
        return record


def _cell(column: Column, fields: Mapping[str, Any], rest: dict[str, Any]) -> Any:
    """Return the cell of a column; a value that fits leaves `rest`, as does a null."""
    if column.is_rest:
        return None
    value = value_of(column, fields)
    cell = None if value is None else CONVERTERS[column.type or "text"](value)
    if cell is UNFIT:
        return None
    if column.name in fields:
        rest.pop(column.name, None)
    return cell
