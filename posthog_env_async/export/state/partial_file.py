"""The part of an export that is on disk, and its checkpoint, always in step."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

from posthog_env_async.errors import CheckpointError, ConfigurationError, PostHogError
from posthog_env_async.export.files.durable import (
    Digest,
    GrowingFile,
    Scratch,
    hash_of,
    sync_folder,
    wrap_os_errors,
)
from posthog_env_async.export.files.lock import FileLock
from posthog_env_async.export.files.paths import Target
from posthog_env_async.export.formats.compression import Data
from posthog_env_async.export.formats.encoder import Encoder
from posthog_env_async.pagination import ListingReport

from .buffer import Chunk, Chunks, Position
from .checkpoint import START_OVER, Checkpoint, Phase, joined_reports, timestamp
from .manifest import DataFile, Manifest

__all__ = ["Part"]


@attrs.define(eq=False)
class Part:
    """The `.part` of an export with its checkpoint: `chunks` takes rows, `flush` writes them.

    `hand_over` belongs on the event loop, all that blocks in a thread; a lock keeps the steps
    apart, also when a cancelled task leaves one running. Nothing is handed over while a `flush`
    may run. The file is made durable before the checkpoint that speaks of it, so after a
    crash at any moment the checkpoint's `bytes` are there, and what lies beyond them is cut. A
    chunk is a gzip member or zstd frame of its own, so such files can be cut as well.
    """

    target: Target
    wanted: Checkpoint
    encoder: Encoder
    compress: Callable[[memoryview], Data]
    chunks: Chunks
    now: Callable[[], float] = time.monotonic
    state: Checkpoint = attrs.field(init=False)
    resumed: bool = attrs.field(default=False, init=False)
    resumed_rows: int = attrs.field(default=0, init=False)
    _before: Checkpoint = attrs.field(init=False)
    _saved: Checkpoint | None = attrs.field(default=None, init=False)
    _began: float = attrs.field(init=False)
    _unwritten: list[Chunk] = attrs.field(factory=list[Chunk], init=False)
    _scratch: Scratch = attrs.field(factory=Scratch, init=False)
    _written: int = attrs.field(default=0, init=False)
    _file: GrowingFile | None = attrs.field(default=None, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _claim: FileLock = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.state = self._before = self.wanted
        self._began = self.now()
        self._claim = FileLock(self.target.lock)

    def open(self, *, resume: bool) -> None:
        """Claim the path, and go on from its checkpoint or begin anew.

        Raises:
            CheckpointError: when another export holds the path, or the checkpoint is of another.
            ConfigurationError: when the folder cannot be written to.
        """
        if self.target.path.is_dir():
            raise ConfigurationError(f"{self.target.path} is a folder: name a file in it")
        with self._lock, wrap_os_errors(self.target.part):
            if self._is_closed:
                return
            self._claim.take()
            if not resume:
                self._drop()
            found = Checkpoint.load(self.target.checkpoint)
            if found is None:
                self._refuse_a_stranger()
            elif found.has_something:
                self._go_on(found)
            if self.state.phase != "done":
                self._open_part()

    def _go_on(self, found: Checkpoint) -> None:
        found.check(self.wanted, self.target.checkpoint.name)
        self._before = self.state = self._saved = found
        self.resumed, self.resumed_rows, self._written = True, found.rows, found.rows
        self.chunks.go_on(found.rows)

    def _open_part(self) -> None:
        if self._saved is None:
            # First the checkpoint: a part without one is never ours.
            self._save()
        self._file = GrowingFile.open(self.target.part, self.state.bytes, self._digest())
        if self.state.columns is not None:
            self.encoder.begin(self.state.columns)

    def _refuse_a_stranger(self) -> None:
        part = self.target.part
        if part.exists() and part.stat().st_size:
            raise CheckpointError(
                f"{part.name} has no checkpoint, so it is no export: move it away, or {START_OVER}"
            )

    def _digest(self) -> Digest:
        """Return the hash of what its checkpoint says of the part, when that is what it holds."""
        part, state = self.target.part, self.state
        with suppress(FileNotFoundError):
            digest = hash_of(part, state.bytes)
            if digest.hexdigest() == state.sha256:
                return digest
        if state.bytes:
            raise CheckpointError(
                f"{part.name} is missing or is not what its checkpoint describes; {START_OVER}"
            )
        return hashlib.sha256()

    def _drop(self) -> None:
        for path in (self.target.part, self.target.converted, self.target.checkpoint):
            path.unlink(missing_ok=True)

    @property
    def bytes(self) -> int:
        """How many bytes are written."""
        return self.state.bytes if self._file is None else self._file.size

    def hand_over(self) -> None:
        """Let the next `flush` write the chunks that have ended."""
        self._unwritten += self.chunks.take()

    def flush(self) -> None:
        """Write what was handed over, and a checkpoint where a place came with it.

        The place behind the first rows is only kept in mind, for an export that fails early.
        """
        with self._lock, wrap_os_errors(self.target.part):
            self._write()
            is_early = self.now() - self._began < self.chunks.checkpoint_every
            if self.state is not self._saved and (self._resumes or not is_early):
                self._save()

    @property
    def _resumes(self) -> bool:
        """Whether the last checkpoint has rows."""
        return self._saved is not None and self._saved.has_something

    def end(self, phase: Phase) -> None:
        """Write everything, durably: the listing has ended, and this is the next phase."""
        self._unwritten += self.chunks.take(is_last=True)
        with self._lock, wrap_os_errors(self.target.part):
            self._write(is_last=True)
            self.state = attrs.evolve(self.state, phase=phase)
            self._save()

    def _write(self, *, is_last: bool = False) -> None:
        while self._unwritten and self._file is not None:
            chunk, is_first = self._unwritten[0], not self._file.size
            with self._scratch.joined(self.encoder.encode(chunk.rows, first=is_first)) as text:
                # An empty export, too, is one whole gzip member or zstd frame.
                if text or (is_first and is_last):
                    self._file.add(self.compress(text))
            self._written += len(chunk.rows)
            del self._unwritten[0]
            if chunk.place is not None:
                self._stand(self._file, chunk.place)

    def _stand(self, file: GrowingFile, place: Position) -> None:
        """Note where the export stands."""
        self.state = attrs.evolve(
            self.state,
            rows=self._written,
            bytes=file.size,
            sha256=file.sha256,
            token=place.token,
            columns=self.encoder.columns,
            listing=self.joined(place.listing),
        )

    def joined(self, listing: ListingReport) -> ListingReport:
        """Return the report of all runs so far, given that of this one."""
        return joined_reports(self._before.listing, listing)

    def _save(self) -> None:
        if self._file is not None:
            self._file.sync()
        self.state = attrs.evolve(self.state, seconds=self._seconds)
        self.state.save(self.target.checkpoint)
        self._saved = self.state

    def decide(self, size: int, sha256: str) -> None:
        """Say what the finished file is where that is not the part: only its name is missing."""
        with self._lock, wrap_os_errors(self.target.checkpoint):
            self._shut()
            decided = attrs.evolve(self.state, phase="done", bytes=size, sha256=sha256)
            self.state = attrs.evolve(decided, seconds=self._seconds)
            self.state.save(self.target.checkpoint)

    def close(self) -> None:
        """Keep what was read so far, and let go of the path; never fails."""
        with self._lock:
            self._is_closed = True
            # What ended the export is what its caller needs to hear; the last checkpoint stands.
            with suppress(PostHogError, OSError), wrap_os_errors(self.target.part):
                self._keep()
            with suppress(OSError):
                self._shut()
                if self._saved is not None and not self.state.has_something:
                    self._drop()
                self._claim.release()

    def _keep(self) -> None:
        file = self._file
        if file is None or self.state.phase != "reading":
            return
        self.hand_over()
        with suppress(OSError):
            file.cut()
            self._write()
        file.cut(self.state.bytes)
        if self.state is not self._saved:
            self._save()

    def settle(self, source: Path, about: Mapping[str, str]) -> Manifest:
        """Give the finished file its name, say in the manifest what it is, and tidy up.

        Raises:
            CheckpointError: when what was finished is not there any more.
        """
        with self._lock, wrap_os_errors(self.target.path):
            self._shut()
            self._check_finished(source)
            if source.exists():
                source.replace(self.target.path)
            manifest = self._manifest(about)
            manifest.save(self.target.manifest)
            self._drop()
            sync_folder(self.target.path.parent)
            return manifest

    def _check_finished(self, source: Path) -> None:
        finished = source if source.exists() else self.target.path
        state = self.state
        if not finished.exists() or finished.stat().st_size != state.bytes:
            raise CheckpointError(
                f"the finished {finished.name} is missing or was changed; {START_OVER}"
            )

    def _manifest(self, about: Mapping[str, str]) -> Manifest:
        state = self.state
        return Manifest(
            tool=state.tool,
            query=state.subject.fingerprint,
            format=state.format,
            compression=state.compression,
            started=state.started,
            finished=timestamp(),
            seconds=round(state.seconds, 3),
            rows=state.rows,
            requests=state.listing.requests,
            complete=state.listing.complete and not state.listing.seams_unproven,
            listing=state.listing,
            files=(DataFile(self.target.path.name, state.rows, state.bytes, state.sha256),),
            about=dict(about),
        )

    @property
    def _seconds(self) -> float:
        return self._before.seconds + self.now() - self._began

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
