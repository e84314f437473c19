"""The part of an export that is on disk, and its checkpoint, always in step."""

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from operator import attrgetter

import attrs

from posthog_env_async.errors import CheckpointError, PostHogError
from posthog_env_async.export.files.durable import (
    hash_of,
    open_file,
    sync_folder,
    wrap_os_errors,
)
from posthog_env_async.export.files.lock import FileLock
from posthog_env_async.export.files.paths import Target
from posthog_env_async.export.formats.row_writer import GrowingFile, RowWriter

from .buffer import Chunk, RowBuffer
from .checkpoint import START_OVER, Checkpoint, Phase
from .publish import Manifest, check_destination, publish, remove_temporary

__all__ = ["CheckpointedFile"]


@attrs.define(eq=False)
class CheckpointedFile:
    """The `.part` of an export with its checkpoint: `buffer` takes rows, `flush` writes them.

    `enqueue` belongs on the event loop, all that blocks in a thread; a mutex keeps the steps
    apart, also when a cancelled task leaves one running. Nothing is enqueued while a `flush`
    may run. The file is made durable before the checkpoint that describes it, so after a
    crash at any moment the checkpoint's `bytes` are there, and what lies beyond them is cut. A
    chunk is a gzip member or zstd frame of its own, so such files can be cut as well.
    """

    target: Target
    state: Checkpoint
    lock: FileLock
    writer: RowWriter
    buffer: RowBuffer
    opened: Checkpoint = attrs.field(
        default=attrs.Factory(attrgetter("state"), takes_self=True), init=False
    )
    saved: Checkpoint | None = attrs.field(default=None, init=False)
    _began: float = attrs.field(factory=time.monotonic, init=False)
    _queue: list[Chunk] = attrs.field(factory=list[Chunk], init=False)
    _file: GrowingFile | None = attrs.field(default=None, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _mutex: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def open(self, *, resume: bool) -> None:
        """Lock the path, and go on from its checkpoint or begin anew.

        Raises:
            FileLockedError: when another export holds the path.
            CheckpointError: when the checkpoint is of another export.
            ExportError: when the path or its folder cannot be written to.
        """
        target = self.target
        with self._mutex, wrap_os_errors(target.part):
            if self._is_closed:
                return
            self.lock.acquire()
            previous = Checkpoint.load(target.checkpoint) if resume else None
            may_overwrite = self.state.may_overwrite or (
                previous is not None and previous.may_overwrite
            )
            check_destination(target, previous, overwrite=may_overwrite)
            if not resume:
                remove_temporary(target)
            if previous is not None and previous.is_resumable:
                self._resume(previous)
            if self.state.phase != "done":
                self._open_part(has_checkpoint=previous is not None)

    def _resume(self, previous: Checkpoint) -> None:
        previous.check(self.state, self.target.checkpoint.name)
        previous = attrs.evolve(
            previous, may_overwrite=previous.may_overwrite or self.state.may_overwrite
        )
        self.opened = self.state = self.saved = previous
        self.buffer.resume(previous.rows)
        self.writer.resume(previous.rows, previous.columns)

    def _open_part(self, *, has_checkpoint: bool) -> None:
        part, size = self.target.part, self.state.bytes
        file = open_file(part)
        try:
            if not has_checkpoint and os.fstat(file.fileno()).st_size:
                raise CheckpointError(
                    f"{part.name} has no checkpoint, so it is not an export: move it away,"
                    f" or {START_OVER}"
                )
            digest = hash_of(part, size) if size else hashlib.sha256()
            if size and digest.hexdigest() != self.state.sha256:
                raise CheckpointError(
                    f"{part.name} is missing or is not what its checkpoint describes; {START_OVER}"
                )
        except BaseException:
            file.close()
            raise
        self._file = GrowingFile(file, size, digest)
        self._file.cut()
        if self.saved is None:
            # Before the first row: a part without a checkpoint is never ours.
            self._save()
            sync_folder(part.parent)

    @property
    def bytes(self) -> int:
        """How many bytes are written."""
        return self.state.bytes if self._file is None else self._file.size

    def enqueue(self) -> None:
        """Let the next `flush` write the chunks that have ended."""
        self._queue += self.buffer.take()

    def flush(self) -> None:
        """Write what was enqueued, and a checkpoint where a position came with it.

        The position behind the first rows is only kept in memory, for an export that fails early.
        """
        with self._mutex, wrap_os_errors(self.target.part):
            self._write()
            has_rows_saved = self.saved is not None and self.saved.is_resumable
            is_early = time.monotonic() - self._began < self.buffer.checkpoint_every
            if self.state is not self.saved and (has_rows_saved or not is_early):
                self._save()

    def finish_reading(self, phase: Phase) -> None:
        """Write everything, durably: the listing has ended, and this is the next phase."""
        self._queue += self.buffer.take(is_last=True)
        with self._mutex, wrap_os_errors(self.target.part):
            self._write(is_last=True)
            self.state = attrs.evolve(self.state, phase=phase)
            self._save()

    def _write(self, *, is_last: bool = False) -> None:
        while self._queue and self._file is not None:
            chunk = self._queue[0]
            self.writer.write(self._file, chunk.rows, is_last=is_last)
            del self._queue[0]
            if chunk.position is not None:
                self.state = attrs.evolve(
                    self.state,
                    rows=self.writer.rows,
                    bytes=self._file.size,
                    sha256=self._file.sha256,
                    token=chunk.position.token,
                    columns=self.writer.encoder.columns,
                    listing=chunk.position.listing,
                )

    def _save(self) -> None:
        if self._file is not None:
            self._file.sync()
        seconds = self.opened.seconds + time.monotonic() - self._began
        self.state = attrs.evolve(self.state, seconds=seconds)
        self.state.save(self.target.checkpoint)
        self.saved = self.state

    def record_final(self, size: int, sha256: str) -> None:
        """Record size and hash of the converted file: only its name is missing."""
        with self._mutex, wrap_os_errors(self.target.checkpoint):
            self._close_file()
            self.state = attrs.evolve(self.state, phase="done", bytes=size, sha256=sha256)
            self._save()

    def publish(self, about: Mapping[str, str]) -> Manifest:
        """Give the finished file its name and its manifest.

        Raises:
            CheckpointError: when the finished file is not there any more.
            ExportError: when the file system refuses; the same export then does only this.
        """
        with self._mutex, wrap_os_errors(self.target.path):
            self._close_file()
            return publish(self.target, self.state, about)

    def close(self) -> None:
        """Keep what was read so far, and release the path; never fails."""
        with self._mutex:
            self._is_closed = True
            try:
                # What ended the export is what its caller needs to hear; the last checkpoint holds.
                with suppress(PostHogError, OSError, Warning):
                    if self._file is not None and self.state.phase == "reading":
                        self._keep(self._file)
            finally:
                with suppress(OSError):
                    self._close_file()
                    if self.saved is not None and not self.state.is_resumable:
                        remove_temporary(self.target)
                with suppress(OSError):
                    self.lock.release()

    def _keep(self, file: GrowingFile) -> None:
        self.enqueue()
        with suppress(OSError):
            file.cut()
            self._write()
        file.cut(self.state.bytes)
        if self.state is not self.saved:
            self._save()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
