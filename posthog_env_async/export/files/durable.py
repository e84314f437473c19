"""Files that survive a crash: written whole, made durable, and failures said in words."""

import errno
import hashlib
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from io import BytesIO, FileIO
from pathlib import Path
from typing import Protocol

import attrs

from posthog_env_async.errors import ConfigurationError

__all__ = [
    "Digest",
    "GrowingFile",
    "Scratch",
    "hash_of",
    "sync_folder",
    "wrap_os_errors",
    "write_all",
    "write_whole",
]

BLOCK = 1 << 20
# The disk works while the next rows are read, and the last sync has little left to do.
SYNC_EVERY = 16 << 20
ADVICE = "then run the same export again: it goes on from its checkpoint"
REASONS = {
    errno.ENOSPC: f"the disk is full: make room, {ADVICE}",
    errno.EDQUOT: f"the disk quota is used up: make room, {ADVICE}",
    errno.EFBIG: f"the file is larger than the system allows: raise the limit, {ADVICE}",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "permission denied: choose a folder that you may write to",
    errno.EPERM: "permission denied: choose a folder that you may write to",
    errno.ENOENT: "its folder does not exist, or not any more: make the folder first",
    errno.ENOTDIR: "what should be its folder is a file",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENAMETOOLONG: "the name is too long",
}


class Digest(Protocol):
    """A hash that is being computed."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far."""
        ...


@attrs.define(eq=False)
class GrowingFile:
    """A file that is only added to: `size` and `sha256` are of what was added whole."""

    _file: FileIO
    size: int
    _digest: Digest
    _synced: int = 0

    @classmethod
    def open(cls, path: Path, size: int, digest: Digest) -> "GrowingFile":
        """Open or begin a file whose first `size` bytes have this hash, and cut off the rest."""
        file = cls(FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+"), size, digest)
        file.cut()
        return file

    @property
    def sha256(self) -> str:
        """The hash of all bytes."""
        return self._digest.hexdigest()

    def add(self, data: bytes | memoryview) -> None:
        """Write at the end; after a failure `cut` takes off what may stand there."""
        write_all(self._file, data)
        self._digest.update(data)
        self.size += len(data)
        if self.size - self._synced >= SYNC_EVERY:
            self.sync()

    def cut(self, size: int | None = None) -> None:
        """Take off what a failed write left, or all behind `size` bytes: then only `close`."""
        end = self.size if size is None else size
        self._file.truncate(end)
        self._file.seek(end)

    def sync(self) -> None:
        """Make what was written durable."""
        os.fsync(self._file.fileno())
        self._synced = self.size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@attrs.define
class Scratch:
    """A place to put text together, used again each time: fresh memory costs more than a copy."""

    _buffer: BytesIO = attrs.field(factory=BytesIO)

    @contextmanager
    def joined(self, pieces: Iterable[bytes]) -> Generator[memoryview]:
        """Give the pieces as one text, until the block ends."""
        self._buffer.seek(0)
        self._buffer.writelines(pieces)
        with self._buffer.getbuffer() as whole, whole[: self._buffer.tell()] as text:
            yield text


@contextmanager
def wrap_os_errors(path: Path) -> Generator[None]:
    """Turn what the file system refuses into an error that says what to do.

    Raises:
        ConfigurationError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        said = REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
        raise ConfigurationError(f"cannot write {path}: {said}") from error


def write_all(file: FileIO, data: bytes | memoryview) -> None:
    """Write every byte, also where the system takes them piece by piece."""
    done = 0
    while done < len(data):
        # Let go of also when the write fails: a view keeps the memory below it from being used.
        with memoryview(data)[done:] as left:
            done += file.write(left)


def write_whole(path: Path, data: bytes) -> None:
    """Put a small file in place: whole and durable, or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with FileIO(temporary, "w") as file:
            write_all(file, data)
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if sys.platform == "win32":  # pragma: no cover - folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_of(path: Path, size: int | None = None) -> Digest:
    """Return the SHA-256 of a file, or of its first `size` bytes."""
    digest = hashlib.sha256()
    left = path.stat().st_size if size is None else size
    with path.open("rb") as file:
        while left and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
    return digest
