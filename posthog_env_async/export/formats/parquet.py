"""NDJSON into Parquet, row group by row group."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

import attrs

from posthog_env_async.export.files.durable import (
    create_file,
    hash_of,
    open_file,
    sync_file,
    wrap_os_errors,
)
from posthog_env_async.export.files.paths import Compression, Target

from .record_batches import BatchBuilder, arrow_module
from .table_options import TableOptions

__all__ = ["ParquetConversion"]

BATCH_BYTES = 2 << 20
GROUP_BYTES = 32 << 20
GROUP_ROWS = 100_000
CODECS: Mapping[Compression, str] = {"none": "NONE", "gzip": "GZIP", "zstd": "ZSTD"}


@attrs.define(eq=False)
class ParquetConversion:
    """Makes the Parquet file of a part that is whole; memory is bounded by a row group.

    Everything here blocks and belongs in a thread; `step` does a part of the work, so that a task
    can be cancelled in between. It always begins anew, so the same part gives the same file.
    """

    target: Target
    table: TableOptions
    _stack: ExitStack = attrs.field(factory=ExitStack, init=False)
    _batches: Iterator[Any] | None = attrs.field(default=None, init=False)
    _writer: Any = attrs.field(default=None, init=False)
    _is_whole: bool = attrs.field(default=False, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _held: list[Any] = attrs.field(factory=list[Any], init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def step(self) -> bool:
        """Convert some more rows; false when there are no more."""
        with self._lock, wrap_os_errors(self.target.finished):
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
        with self._lock, wrap_os_errors(self.target.finished):
            self._stack.close()
            with self.target.finished.open("rb+") as file:
                sync_file(file.fileno())
            self._is_whole = True
            size = self.target.finished.stat().st_size
            return size, hash_of(self.target.finished).hexdigest()

    def abandon(self) -> None:
        """Close the files, and remove an incomplete result."""
        with self._lock:
            self._is_closed = True
            with suppress(OSError):
                self._stack.close()
            if not self._is_whole:
                with suppress(OSError):
                    self.target.finished.unlink()

    def _begin(self) -> None:
        schema = self.table.schema(_lines(self.target.part))
        builder = BatchBuilder.of(schema, arrow_module(), use_safe_names=self.table.safe_names)
        out = self._stack.enter_context(create_file(self.target.finished))
        codec = CODECS[self.target.compression]
        writer = arrow_module("pyarrow.parquet").ParquetWriter(
            out, builder.schema, compression=codec
        )
        self._writer = self._stack.enter_context(writer)
        self._batches = map(builder.batch, _batches(_lines(self.target.part)))

    @property
    def _is_full(self) -> bool:
        size = sum(batch.nbytes for batch in self._held)
        return size >= GROUP_BYTES or sum(map(len, self._held)) >= GROUP_ROWS

    def _write_group(self) -> None:
        held, self._held = self._held, []
        if held:
            table = arrow_module().Table.from_batches(held)
            self._writer.write_table(table, row_group_size=table.num_rows)


def _lines(path: Path) -> Iterator[bytes]:
    with BufferedReader(open_file(path, os.O_RDONLY)) as file:
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
