"""One writer a path: a lock that the system lets go of when its holder dies."""

import json
import os
import socket
import sys
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

import attrs

from posthog_env_async.errors import CheckpointError

from .durable import wrap_os_errors, write_all

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

    The lock file says who holds it. A process that was killed leaves the file but not the lock, so
    the next takes over; between machines it holds where the file system carries locks over.
    """

    path: Path
    _file: FileIO | None = attrs.field(default=None, init=False, repr=False)

    def take(self) -> None:
        """Take the lock.

        Raises:
            CheckpointError: when another export holds it, naming its process and machine.
            ConfigurationError: when the folder takes no lock.
        """
        with wrap_os_errors(self.path):
            while self._file is None:
                file = FileIO(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
                try:
                    self._lock(file)
                    # The holder before may have removed the file meanwhile: then it locks nothing.
                    self._file = file if self._is_at_path(file) else None
                finally:
                    if self._file is None:
                        file.close()
            self._sign(self._file)

    def release(self) -> None:
        """Let go of the lock and remove its file; does nothing when it was not taken."""
        file, self._file = self._file, None
        if file is not None:
            with file:
                self.path.unlink(missing_ok=True)

    def _lock(self, file: FileIO) -> None:
        try:
            _try_lock(file)
        except (BlockingIOError, PermissionError):
            holder = _holder(file)
        else:
            return
        name = self.path.name.removesuffix(".lock")
        raise CheckpointError(
            f"another export writes {name} now: {holder}; wait for it, or stop it first"
        )

    def _is_at_path(self, file: FileIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    def _sign(self, file: FileIO) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        text = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        file.truncate(0)
        write_all(file, json.dumps(text).encode())


def _holder(file: FileIO) -> str:
    try:
        said: dict[str, Any] = json.loads(file.read() or b"{}")
    except ValueError:
        said = {}
    if not {"pid", "host", "since"} <= set(said):
        return "a process that has just begun"
    return f"process {said['pid']} on {said['host']}, since {said['since']}"
