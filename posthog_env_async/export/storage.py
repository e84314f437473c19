"""Files that survive a crash: written whole, made durable, and failures said in words."""

import errno
import hashlib
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

from posthog_env_async.errors import ConfigurationError

__all__ = ["Digest", "hash_of", "replace", "storing", "sync_folder", "write_all", "write_whole"]

BLOCK = 1 << 20
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

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far."""
        ...


@contextmanager
def storing(path: Path) -> Generator[None]:
    """Turn what the file system refuses into an error that says what to do.

    Raises:
        ConfigurationError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        said = REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
        raise ConfigurationError(f"cannot write {path}: {said}") from error


def write_all(file: FileIO, data: bytes) -> None:
    """Write every byte, also where the system takes them piece by piece."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def write_whole(path: Path, data: bytes) -> None:
    """Put a small file in place: whole and durable, or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with FileIO(temporary, "w") as file:
            write_all(file, data)
            os.fsync(file.fileno())
        replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def replace(source: Path, target: Path) -> None:
    """Rename a file over another so that the new name survives a crash."""
    source.replace(target)
    sync_folder(target.parent)


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
