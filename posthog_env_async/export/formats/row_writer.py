"""Rows written to a file in pieces that each stand alone."""

from collections.abc import Callable, Sequence

import attrs

from posthog_env_async.export.files.growing_file import GrowingFile, joined

from .compression import Data
from .encoder import Encoder
from .table_options import TableOptions

__all__ = ["RowWriter"]


@attrs.define
class RowWriter:
    """Encodes, joins and compresses rows; `rows` counts what was written, in earlier runs too.

    `prefix` is put in front of the fields of each row. The columns are checked against the first
    rows that are written.
    """

    encoder: Encoder
    compress: Callable[[memoryview], Data] | None = None
    table: TableOptions | None = None
    prefix: bytes = b""
    rows: int = 0

    def resume(self, rows: int, columns: tuple[str, ...] | None) -> None:
        """Go on behind so many rows, with the columns of a checkpoint."""
        self.rows = rows
        self.encoder.begin(columns)

    def write(self, file: GrowingFile, rows: Sequence[bytes], *, is_last: bool) -> None:
        """Append rows, behind what stands at the head of the file where they are the first."""
        if self.table is not None and not self.rows:
            self.table.check_rows(rows)
        if self.prefix:
            rows = [_prefixed(row, self.prefix) for row in rows]
        is_first = not file.size
        with joined(self.encoder.encode(rows, first=is_first)) as text:
            # An empty export, too, is one gzip member or zstd frame.
            if text or (is_first and is_last):
                file.add(text if self.compress is None else self.compress(text))
        self.rows += len(rows)


def _prefixed(row: bytes, prefix: bytes) -> bytes:
    """Put a field in front of those of a row, if it is an object."""
    if not row.startswith(b"{"):
        return row
    separator = b"" if row[1:].lstrip().startswith(b"}") else b","
    return b"".join((b"{", prefix, separator, row[1:]))
