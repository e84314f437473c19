"""Many rows into Arrow's columns at once, where every row fits."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import attrs

from posthog_env_async.converter import RawField, dump, records_decoder

from .column_types import CONVERTERS, UNFIT, ColumnType
from .columns import Column
from .flatten import fields_of

__all__ = ["QuickColumns"]

Decode = Callable[[Sequence[bytes]], list[Any] | None]

TYPES: Mapping[ColumnType, Any] = {
    "text": str | None,
    "integer": int | None,
    "number": Any,
    "boolean": bool | None,
    "time": str | None,
    "time_ns": str | None,
    "texts": list[str] | None,
    "json": RawField,
}
"""What the values of each type are in JSON."""

NULLS = (b"", b"null")
SEPARATOR = b"\x1f"
"""A control character, which JSON never has."""


@attrs.define(eq=False)
class QuickColumns:
    """Makes the columns of a schema, or none when a row has a field or value that is not expected.

    The first row of each batch shows which fields are expected besides the columns.
    """

    columns: Sequence[Column]
    schema: Any
    _arrow: Any
    _others: tuple[str, ...] | None = attrs.field(default=None, init=False)
    _decode: Decode = attrs.field(default=lambda _: None, init=False)
    _decode_keys: dict[str, Decode] = attrs.field(factory=dict[str, Decode], init=False)

    def __attrs_post_init__(self) -> None:
        for column in self.columns:
            if column.key is not None and column.field not in self._decode_keys:
                keys = [(each.key or "", Any) for each in self._keyed(column.field)]
                self._decode_keys[column.field] = records_decoder(keys, others=True)

    def arrays(self, rows: Sequence[bytes]) -> list[Any] | None:
        """Return an array for each column, or `None`."""
        if not rows:
            return None
        self._expect(rows[0])
        records = self._decode(rows)
        if records is None or None in records:
            return None
        try:
            return self._arrays(records)
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def _plain(self) -> list[Column]:
        return [each for each in self.columns if each.key is None and not each.is_rest]

    def _keyed(self, field: str) -> list[Column]:
        return [each for each in self.columns if each.key is not None and each.field == field]

    def _expect(self, row: bytes) -> None:
        names = {column.name for column in self._plain}
        others = tuple(name for name in fields_of(row) if name not in names)
        if others == self._others:
            return
        self._others = others
        fields = [(column.name, TYPES[_type_of(column)]) for column in self._plain]
        keyed = {column.name for column in self.columns if column.key is not None}
        fields += [(name, RawField) for name in others]
        is_odd = not keyed.isdisjoint(others) or not self._keyed_fields_are_raw
        self._decode = _no_records if is_odd else records_decoder(fields, others=False)

    @property
    def _keyed_fields_are_raw(self) -> bool:
        types = {column.name: column.type for column in self._plain}
        return all(types.get(field, "json") == "json" for field in self._decode_keys)

    def _arrays(self, records: list[Any]) -> list[Any]:
        others = self._others or ()
        names = [*(column.name for column in self._plain), *others]
        cells = {
            name: list(map(attrgetter(f"c{number}"), records)) for number, name in enumerate(names)
        }
        keyed = dict[str, Any]()
        for field in self._decode_keys:
            keyed |= self._keyed_cells(field, cells.get(field))
        arrays = list[Any]()
        for column, target in zip(self.columns, self.schema, strict=True):
            if column.is_rest:
                rest = self._rest(others, [cells[name] for name in others], len(records))
                arrays.append(self._arrow.array(rest, target.type))
            elif column.key is not None:
                arrays.append(self._arrow.array(keyed[column.name], target.type))
            else:
                arrays.append(self._array(cells[column.name], _type_of(column), target.type))
        return arrays

    def _array(self, cells: list[Any], column_type: ColumnType, target: Any) -> Any:
        if column_type == "json":
            texts = [None if text in NULLS else text for text in map(bytes, cells)]
            return self._arrow.array(texts, target)
        if column_type in {"time", "time_ns"}:
            return self._arrow.array(cells, self._arrow.string()).cast(target)
        if column_type == "number":
            cells = [value if value is None else CONVERTERS[column_type](value) for value in cells]
        return self._arrow.array(cells, target)

    def _keyed_cells(self, field: str, texts: list[Any] | None) -> Mapping[str, list[Any]]:
        columns = self._keyed(field)
        if texts is None:
            raise ValueError(field)
        records = self._decode_keys[field]([bytes(text) or b"null" for text in texts])
        if records is None:
            raise ValueError(field)
        cells = dict[str, list[Any]]()
        for number, column in enumerate(columns):
            to_cell, get = CONVERTERS[_type_of(column)], attrgetter(f"c{number}")
            values = [None if record is None else get(record) for record in records]
            cells[column.name] = [
                None if value is None or (cell := to_cell(value)) is UNFIT else cell
                for value in values
            ]
        return cells

    def _rest(self, names: Sequence[str], cells: Sequence[list[Any]], length: int) -> list[Any]:
        if not names:
            return [None] * length
        heads = [b"%b:" % dump(name) for name in names]
        # Bytes, since tuples would set off Python's garbage collector.
        rows = list(
            map(SEPARATOR.join, zip(*(map(bytes, column) for column in cells), strict=True))
        )
        # Most rows have the same: nothing but a type, say.
        rests = {row: _joined(heads, row.split(SEPARATOR)) for row in set(rows)}
        return list(map(rests.__getitem__, rows))


def _type_of(column: Column) -> ColumnType:
    return column.type or "text"


def _no_records(_: Sequence[bytes]) -> None:
    return None


def _joined(heads: Sequence[bytes], texts: Sequence[bytes]) -> bytes | None:
    pairs = [head + text for head, text in zip(heads, texts, strict=True) if text]
    return b"{%b}" % b",".join(pairs) if pairs else None
