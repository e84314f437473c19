"""One writer a path: a lock that the system releases when its holder dies."""

import os
import socket
import sys
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import attrs

from posthog_env_async.converter import as_mapping, dump, load
from posthog_env_async.errors import ExportWarning, FileLockedError, ResponseDecodeError

from .durable import UNSUPPORTED, open_file, wrap_os_errors, write_all

if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
    import msvcrt

    FAR = 1 << 30

    def _try_lock(file: FileIO) -> None:
        file.seek(FAR)  # what is locked cannot be read, so not the text itself
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _try_lock(file: FileIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["FileLock"]


@attrs.define(eq=False)
class FileLock:
    """The right to write an export, held by one process at a time.

    The lock file names its holder. A process that was killed leaves the file but not the lock, so
    the next takes over; between machines it holds where the file system carries locks over. One
    that is not `enabled` does nothing.
    """

    path: Path
    enabled: bool = True
    _file: FileIO | None = attrs.field(default=None, init=False, repr=False)

    def acquire(self) -> None:
        """Take the lock; warn where the file system has none.

        Raises:
            FileLockedError: when another export holds it, naming its process and machine.
            ExportError: when the lock file cannot be made.
        """
        if not self.enabled:
            return
        with wrap_os_errors(self.path):
            while self._file is None:
                file = open_file(self.path)
                try:
                    self._lock(file)
                    # The holder before may have removed the file meanwhile: then it locks nothing.
                    with suppress(FileNotFoundError):
                        if os.path.samestat(os.fstat(file.fileno()), self.path.lstat()):
                            self._file = file
                finally:
                    if self._file is None:
                        file.close()
            since = datetime.now(UTC).isoformat(timespec="seconds")
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
            self._file.truncate(0)
            write_all(self._file, dump(holder))

    def release(self) -> None:
        """Release the lock and remove its file; does nothing when it is not held."""
        file, self._file = self._file, None
        if file is not None:
            with file:
                self.path.unlink(missing_ok=True)

    def _lock(self, file: FileIO) -> None:
        try:
            _try_lock(file)
        except (BlockingIOError, PermissionError):
            holder = _holder(file)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            _warn_not_locked()
            return
        else:
            return
        name = self.path.name.removesuffix(".lock")
        raise FileLockedError(
            f"another export writes {name} now: {holder}; wait for it, or stop it first"
        )


def _warn_not_locked() -> None:
    text = (
        "this file system has no locks: see to it that no other export writes the same file"
        " (lock=False, --no-lock: without this warning)"
    )
    warnings.warn(text, ExportWarning, stacklevel=1)


def _holder(file: FileIO) -> str:
    try:
        fields = as_mapping(load(file.read()))
    except ResponseDecodeError:
        fields = as_mapping(None)
    if not {"pid", "host", "since"} <= set(fields):
        return "a process that has just begun"
    return f"process {fields['pid']} on {fields['host']}, since {fields['since']}"
