"""Rows into a growing file, in pieces that each stand alone; NDJSON is the simplest of formats."""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from typing import Protocol

import attrs

from posthog_env_async.errors import ResponseDecodeError
from posthog_env_async.export.files.durable import Digest, sync_file, write_all

from .compression import Data
from .table_options import TableOptions

__all__ = ["Encoder", "GrowingFile", "NDJSONEncoder", "RowWriter"]

# The disk works while the next rows are read, and the last sync has little left to do.
SYNC_EVERY = 16 << 20
PIECE = 256 << 10


class Encoder(Protocol):
    """How rows become the bytes of a format."""

    @property
    def sample_size(self) -> int:
        """How many rows have to be there before the first are written."""
        ...

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns, once they are known: they are kept in the checkpoint."""
        ...

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Go on with the columns of a checkpoint."""
        ...

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield the text of rows, each of them one line of JSON, in pieces.

        Before the first ones, what stands at the head of the file.
        """
        ...


@attrs.define
class NDJSONEncoder:
    """Rows as NDJSON, from the first one on."""

    sample_size: int = 0
    columns: tuple[str, ...] | None = None

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Do nothing: NDJSON has no columns."""

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield rows, which have no line break inside, and the ends of their lines.

        Raises:
            ResponseDecodeError: when one of them is not UTF-8.
        """
        text = b"\n".join([*rows, b""])
        if not text.isascii():
            _check_utf8(text)
        yield text


@attrs.define(eq=False)
class GrowingFile:
    """A file that is only appended to: `size` and `sha256` are of complete writes."""

    _file: FileIO
    size: int
    _digest: Digest
    _synced: int = 0

    @property
    def sha256(self) -> str:
        """The hash of all bytes."""
        return self._digest.hexdigest()

    def add(self, data: bytes | memoryview) -> None:
        """Write at the end; after a failure `cut` removes what may be there."""
        write_all(self._file, data)
        self._digest.update(data)
        self.size += len(data)
        if self.size - self._synced >= SYNC_EVERY:
            self.sync()

    def cut(self, size: int | None = None) -> None:
        """Remove what a failed write left, or all behind `size` bytes: then only `close`."""
        end = self.size if size is None else size
        self._file.truncate(end)
        self._file.seek(end)

    def sync(self) -> None:
        """Make what was written durable."""
        sync_file(self._file.fileno())
        self._synced = self.size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@attrs.define
class RowWriter:
    """Encodes, joins and compresses rows; `rows` counts what was written, in earlier runs too.

    `prefix` is put in front of the fields of each row. The columns are checked against the first
    rows that are written.
    """

    encoder: Encoder
    compress: Callable[[bytes], Data] | None = None
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
        text = b"".join(self.encoder.encode(rows, first=is_first))
        # An empty export, too, is one gzip member or zstd frame.
        if text or (is_first and is_last):
            file.add(text if self.compress is None else self.compress(text))
        self.rows += len(rows)


def _check_utf8(text: bytes) -> None:
    """Check the encoding, a piece at a time: what is decoded may be four times as large."""
    decoder = getincrementaldecoder("utf-8")("surrogatepass")
    try:
        for start in range(0, len(text), PIECE):
            decoder.decode(text[start : start + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        wrong = "a row is not UTF-8, which JSON has to be: the server sent it in another encoding"
    else:
        return
    raise ResponseDecodeError(wrong)


def _prefixed(row: bytes, prefix: bytes) -> bytes:
    """Put a field in front of those of a row, if it is an object."""
    if not row.startswith(b"{"):
        return row
    separator = b"" if row[1:].lstrip().startswith(b"}") else b","
    return b"".join((b"{", prefix, separator, row[1:]))
