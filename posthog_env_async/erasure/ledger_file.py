"""An append-only file of JSON lines, each bound to the one before; for its owner alone."""

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import attrs

from posthog_env_async.converter import as_mapping, dump, load
from posthog_env_async.errors import (
    CheckpointError,
    ExportError,
    FileLockedError,
    ResponseDecodeError,
)

__all__ = ["LedgerFile", "read_lines", "write_whole"]

T = TypeVar("T")

CHAIN = "chain"
BEGIN = b'{"kind":"ledger",'
OWNER_ONLY = 0o600
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the records of a ledger, and how many bytes of it are whole.

    A last line that was cut by the end of a process is left out.

    Raises:
        CheckpointError: when a line was changed, lost or added, or it never was a ledger.
        ExportError: when the file cannot be read.
    """
    text = _explained(path, path.read_bytes)
    if text[: len(BEGIN)] != BEGIN[: len(text)]:
        raise CheckpointError(f"{path.name} is not a ledger")
    whole = text[: text.rfind(b"\n") + 1]
    records, chain = list[dict[str, Any]](), ""
    for number, line in enumerate(whole.splitlines(), start=1):
        record = _decoded(path, number, line)
        said = record.pop(CHAIN, None)
        chain = _link(chain, record)
        if said != chain:
            raise CheckpointError(f"{path.name} is damaged or was changed: line {number}")
        records.append(record)
    return records, len(whole)


def _decoded(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return dict(as_mapping(load(line)))
    except ResponseDecodeError:
        wrong = f"{path.name} is not a ledger, or damaged: line {number} is not JSON"
    raise CheckpointError(wrong)


def _link(chain: str, record: dict[str, Any]) -> str:
    return hashlib.sha256(chain.encode() + dump(record)).hexdigest()[:16]


@attrs.define
class LedgerFile:
    """A ledger that is open for appending; one process at a time."""

    path: Path
    _file: int
    _chain: str = ""

    @classmethod
    def opened(cls, path: Path) -> "LedgerFile":
        """Open a ledger, or create an empty one.

        Raises:
            FileLockedError: when another process has it open.
            ExportError: when it cannot be written, or is not a regular file.
        """
        return cls(path, _explained(path, lambda: _open(path)))

    def resume(self, records: list[dict[str, Any]], size: int) -> None:
        """Go on behind the last whole line."""
        _explained(self.path, lambda: self._prepare(size))
        for record in records:
            self._chain = _link(self._chain, record)

    def append(self, *records: dict[str, Any], durable: bool = True) -> None:
        """Add records; they are on the disk when this returns, if they must be `durable`."""
        text = b""
        for record in records:
            self._chain = _link(self._chain, record)
            text += dump({**record, CHAIN: self._chain}) + b"\n"
        _explained(self.path, lambda: self._write(text, durable))

    def _prepare(self, size: int) -> None:
        if hasattr(os, "fchmod"):  # pragma: no branch - Windows has none
            os.fchmod(self._file, OWNER_ONLY)
        os.ftruncate(self._file, size)
        _sync_folder(self.path)

    def _write(self, text: bytes, durable: bool) -> None:
        while text:
            text = text[os.write(self._file, text) :]
        if durable:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file, and so give it free."""
        os.close(self._file)


def _open(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | NO_FOLLOW, OWNER_ONLY)
    try:
        _lock(path, file)
    except BaseException:
        os.close(file)
        raise
    return file


def _lock(path: Path, file: int) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise ExportError(f"{path.name} is not a regular file: a ledger cannot be kept there")
    try:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        locked = True
    except (ImportError, OSError):  # a file system without locks
        locked = False
    else:
        locked = False
    if locked:
        raise FileLockedError(f"another process writes {path.name}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, for its owner alone.

    Raises:
        ExportError: when it cannot be written.
    """
    _explained(path, lambda: _write_whole(path, content))


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, OWNER_ONLY)
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    temporary.replace(path)
    _sync_folder(path)


def _sync_folder(path: Path) -> None:
    """Make the name of a file durable, where the file system can."""
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _explained(path: Path, work: Callable[[], T]) -> T:
    """Do some work on a file, and say in our own words what is wrong with it."""
    try:
        return work()
    except ExportError:
        raise
    except (OSError, ValueError) as error:
        code: int | None = getattr(error, "errno", None)
    raise ExportError(f"{path.name}: {os.strerror(code) if code else 'not a path'}", errno=code)
