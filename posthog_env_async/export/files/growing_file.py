"""A file that is only appended to, with its hash, and memory to put pieces together in."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from io import BytesIO, FileIO

import attrs

from .durable import Digest, sync_file, write_all

__all__ = ["GrowingFile", "joined"]

# The disk works while the next rows are read, and the last sync has little left to do.
SYNC_EVERY = 16 << 20


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


# Fresh memory costs more than a copy; appending and popping are atomic.
_SPARE: list[BytesIO] = []
MOST_SPARE = 2


@contextmanager
def joined(pieces: Iterable[bytes]) -> Generator[memoryview]:
    """Give pieces as one text, until the block ends, in memory that is used again."""
    buffer = BytesIO()
    with suppress(IndexError):
        buffer = _SPARE.pop()
    buffer.seek(0)
    buffer.writelines(pieces)
    with buffer.getbuffer() as view, view[: buffer.tell()] as text:
        yield text
    if len(_SPARE) < MOST_SPARE:
        _SPARE.append(buffer)
