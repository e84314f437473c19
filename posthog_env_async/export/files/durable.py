"""Files that survive a crash: private, written atomically and made durable, in threads."""

import errno
import hashlib
import os
import stat
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

from posthog_env_async.errors import ExportError, ExportWarning, PostHogError
from posthog_env_async.session import finish

__all__ = [
    "UNSUPPORTED",
    "Digest",
    "create_file",
    "hash_of",
    "in_thread",
    "open_file",
    "read_file",
    "replace_file",
    "sync_file",
    "sync_folder",
    "wrap_os_errors",
    "write_all",
    "write_atomic",
]

R = TypeVar("R")

BLOCK = 1 << 20
PRIVATE = 0o600
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# Opening a pipe that nobody reads must not wait.
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
UNSUPPORTED = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EBADF}
)
"""What file systems answer that cannot sync or lock: CIFS, FUSE, NFS, Lustre."""
FOLDER_UNSUPPORTED = UNSUPPORTED | {errno.EACCES, errno.EPERM}
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
    errno.ELOOP: "it is a symbolic link, which is not followed: remove it or name another file",
    errno.ENXIO: "it is not a regular file: remove it or name another file",
    errno.EEXIST: "another process makes it at the same time",
}

# Each thread has memory of its own; a disk is not faster with more.
THREADS = 8
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("posthog_env_async.export.threads")


class Digest(Protocol):
    """A hash that is being computed."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far."""
        ...


async def in_thread(work: Callable[[], R]) -> R:
    """Do blocking work in a thread, of which exports have eight at most, and return its result.

    It is done when this ends, also when the caller is cancelled meanwhile; one that was cancelled
    before does not begin.

    An error of ours comes without the frames of the thread: their locals hold rows.
    """
    await checkpoint_if_cancelled()
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
    try:
        return await finish(anyio.to_thread.run_sync(work, limiter=limiter))
    except PostHogError as error:
        failure = error
    raise failure.with_traceback(None)


@contextmanager
def wrap_os_errors(path: Path) -> Generator[None]:
    """Turn what the file system refuses into an error that says what to do.

    Raises:
        ExportError: in place of an `OSError`, with its `errno`.
    """
    try:
        yield
    except ExportError:
        raise
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
        number = error.errno
    else:
        return
    raise ExportError(f"cannot write {path}: {reason}", errno=number) from None


def open_file(path: Path, flags: int = os.O_RDWR | os.O_CREAT | NO_FOLLOW) -> FileIO:
    """Open a regular file for reading and writing, or make one for its owner alone.

    Symbolic links are not followed unless `flags` are others; pipes, sockets and devices are
    refused.

    Raises:
        OSError: with a number that `REASONS` explains.
    """
    descriptor = os.open(path, flags | NO_WAIT, PRIVATE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "not a regular file")
    return FileIO(descriptor, "r+" if flags & os.O_RDWR else "r")


def create_file(path: Path) -> FileIO:
    """Make a file for its owner alone, in place of one of that name.

    Raises:
        OSError: as `open_file`.
    """
    path.unlink(missing_ok=True)
    return open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW)


def read_file(path: Path) -> bytes:
    """Read a small regular file.

    Raises:
        OSError: as `open_file`.
    """
    with open_file(path, os.O_RDONLY) as file:
        return file.readall()


def write_all(file: FileIO, data: bytes | memoryview) -> None:
    """Write every byte, also where the system takes them piece by piece."""
    done = 0
    while done < len(data):
        # Released also when the write fails: a view keeps the memory below it from being used.
        with memoryview(data)[done:] as left:
            done += file.write(left)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a small file, or leave the one before as it was.

    After a crash of the machine either may be there, each complete; `sync_folder` decides.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with create_file(temporary) as file:
            write_all(file, data)
            sync_file(file.fileno())
        replace_file(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def replace_file(source: Path, path: Path) -> None:
    """Rename a file; it takes over the mode of the file that it replaces."""
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            source.chmod(stat.S_IMODE(mode))
    source.replace(path)


def sync_file(descriptor: int) -> None:
    """Make a file durable, as far as its file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        _warn_not_durable()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, as far as its file system can."""
    if sys.platform == "win32":  # pragma: no cover - folders cannot be opened there
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in FOLDER_UNSUPPORTED:
            raise
        _warn_not_durable()


def _warn_not_durable() -> None:
    text = (
        "this file system does not make files durable on request: after a power failure"
        " an export may have to start over"
    )
    warnings.warn(text, ExportWarning, stacklevel=1)


def hash_of(path: Path, size: int | None = None) -> Digest:
    """Return the SHA-256 of a file, or of its first `size` bytes."""
    digest = hashlib.sha256()
    with open_file(path, os.O_RDONLY) as file:
        left = os.fstat(file.fileno()).st_size if size is None else size
        while left and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
    return digest
