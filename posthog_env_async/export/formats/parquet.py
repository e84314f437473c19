"""NDJSON into Parquet, row group by row group."""

import importlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol, cast

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.export.files.durable import create_file, hash_of, sync_file, wrap_os_errors
from posthog_env_async.export.files.paths import Compression, Target

from .column_types import KINDS, UNFIT, Kind
from .schema import EXTRA, PROPERTIES, Schema, fields_of, schema_of

__all__ = ["ColumnChoices", "ParquetConversion", "check_parquet"]

BATCH_BYTES = 2 << 20
GROUP_BYTES = 32 << 20
GROUP_ROWS = 100_000
CODECS: Mapping[Compression, str] = {"none": "NONE", "gzip": "GZIP", "zstd": "ZSTD"}


def check_parquet() -> None:
    """Check that Parquet can be written.

    Raises:
        ConfigurationError: naming the extra that is missing.
    """
    _module("pyarrow")


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        wanted = "Parquet needs an extra: pip install 'posthog-env-async[parquet]'"
    raise ConfigurationError(wanted)


class ColumnChoices(Protocol):
    """What the caller chose of the columns."""

    @property
    def model(self) -> type[Any] | None:
        """The model of the rows."""
        ...

    @property
    def columns(self) -> Sequence[str] | None:
        """The columns, by default all."""
        ...

    @property
    def property_columns(self) -> Mapping[str, Kind]:
        """Properties that are columns of their own."""
        ...


@attrs.define(eq=False)
class ParquetConversion:
    """Makes the Parquet file of a part that is whole; memory is bounded by a row group.

    Everything here blocks and belongs in a thread; `step` does a part of the work, so that a task
    can be cancelled in between. It always begins anew, so the same part gives the same file.
    """

    target: Target
    choices: ColumnChoices
    _stack: ExitStack = attrs.field(factory=ExitStack, init=False)
    _batches: Iterator[Any] | None = attrs.field(default=None, init=False)
    _writer: Any = attrs.field(default=None, init=False)
    _is_whole: bool = attrs.field(default=False, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _held: list[Any] = attrs.field(factory=list[Any], init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def step(self) -> bool:
        """Convert some more rows; false when there are no more."""
        with self._lock, wrap_os_errors(self.target.converted):
            if self._batches is None and not self._is_closed:
                self._begin()
            batch = next(self._batches or iter(()), None)
            if batch is not None:
                self._held.append(batch)
            if batch is None or self._is_full:
                self._write_group()
            return batch is not None

    def finish(self) -> tuple[int, str]:
        """Make the file durable, and return its size and SHA-256."""
        with self._lock, wrap_os_errors(self.target.converted):
            self._stack.close()
            with self.target.converted.open("rb+") as file:
                sync_file(file.fileno())
            self._is_whole = True
            size = self.target.converted.stat().st_size
            return size, hash_of(self.target.converted).hexdigest()

    def abandon(self) -> None:
        """Let go of the files, and remove what is not whole."""
        with self._lock:
            self._is_closed = True
            with suppress(OSError):
                self._stack.close()
            if not self._is_whole:
                with suppress(OSError):
                    self.target.converted.unlink()

    def _begin(self) -> None:
        arrow, choices = _module("pyarrow"), self.choices
        schema = schema_of(
            _lines(self.target.part),
            model=choices.model,
            columns=choices.columns,
            property_columns=choices.property_columns,
        )
        columns = _Columns.of(schema, arrow)
        out = self._stack.enter_context(create_file(self.target.converted))
        codec = CODECS[self.target.compression]
        writer = _module("pyarrow.parquet").ParquetWriter(out, columns.schema, compression=codec)
        self._writer = self._stack.enter_context(writer)
        self._batches = map(columns.batch, _batches(_lines(self.target.part)))

    @property
    def _is_full(self) -> bool:
        size = sum(batch.nbytes for batch in self._held)
        return size >= GROUP_BYTES or sum(map(len, self._held)) >= GROUP_ROWS

    def _write_group(self) -> None:
        held, self._held = self._held, []
        if held:
            table = _module("pyarrow").Table.from_batches(held)
            self._writer.write_table(table, row_group_size=table.num_rows)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    for first in lines:
        batch, size = [first], len(first)
        for line in lines:
            batch.append(line)
            size += len(line)
            if size >= BATCH_BYTES:
                break
        yield batch


@attrs.frozen
class _Columns:
    """Turns rows into record batches."""

    plan: Schema
    schema: Any
    arrow: Any

    @classmethod
    def of(cls, plan: Schema, arrow: Any) -> "_Columns":
        types: Mapping[Kind, Any] = {
            "text": arrow.string(),
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "boolean": arrow.bool_(),
            "time": arrow.timestamp("us", tz="UTC"),
            "texts": arrow.list_(arrow.string()),
            "json": arrow.string(),
        }
        fields = [(name, types[kind]) for name, kind in plan.columns.items()]
        own = plan.properties.items()
        fields += [(f"{PROPERTIES}.{name}", types[kind]) for name, kind in own]
        if plan.extra:
            fields.append((EXTRA, types["json"]))
        return cls(plan, arrow.schema(fields), arrow)

    def batch(self, rows: Sequence[bytes]) -> Any:
        """Return rows as a record batch."""
        records = zip(*map(self._record, rows), strict=True)
        arrays = [
            self.arrow.array(cells, field.type)
            for cells, field in zip(records, self.schema, strict=True)
        ]
        return self.arrow.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _record(self, row: bytes) -> list[Any]:
        plan, rest = self.plan, dict(fields_of(row))
        properties = rest.get(PROPERTIES)
        record = [_take(rest, name, kind) for name, kind in plan.columns.items()]
        if plan.properties:
            own = dict(cast("dict[str, Any]", properties)) if isinstance(properties, dict) else {}
            record += [_take(own, name, kind) for name, kind in plan.properties.items()]
        if plan.extra:
            record.append(KINDS["json"](rest) if rest else None)
        return record


def _take(fields: dict[str, Any], name: str, kind: Kind) -> Any:
    """Return the cell of a column; a value that does not fit stays in `fields`."""
    value = fields.pop(name, None)
    if value is None:
        return None
    cell = KINDS[kind](value)
    if cell is UNFIT:
        fields[name] = value
        return None
    return cell
