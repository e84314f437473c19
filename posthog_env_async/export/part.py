"""The part of an export that is on disk, and its checkpoint, always in step."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path

import attrs

from posthog_env_async.errors import CheckpointError, ConfigurationError, PostHogError
from posthog_env_async.pagination import ListingReport

from .checkpoint import START_OVER, Checkpoint, Phase, joined_reports, timestamp
from .claim import Claim
from .encoder import Encoder
from .manifest import DataFile, Manifest
from .storage import Digest, hash_of, replace, storing, sync_folder, write_all
from .target import Target

__all__ = ["Part"]

CHUNK = 1 << 20


@attrs.define
class _Pending:
    """Rows that were read and not written yet, and where the listing stands after them."""

    rows: list[bytes] = attrs.field(factory=list[bytes])
    size: int = 0
    token: str | None = None
    listing: ListingReport | None = None


@attrs.define(eq=False)
class Part:
    """The `.part` of an export with its checkpoint: rows are handed to `add`, `flush` writes them.

    Everything but `add` blocks and belongs in a thread; a lock keeps the steps apart, also when a
    cancelled task leaves one running. The file is made durable before the checkpoint that speaks of
    it, so after a crash at any moment the checkpoint's `bytes` are there, and what lies beyond them
    is cut. A chunk is a gzip member or zstd frame of its own, so such files can be cut as well.
    """

    target: Target
    wanted: Checkpoint
    encoder: Encoder
    compress: Callable[[bytes], bytes]
    now: Callable[[], float] = time.monotonic
    checkpoint_every: float = 0.5
    state: Checkpoint = attrs.field(init=False)
    resumed: bool = attrs.field(default=False, init=False)
    resumed_rows: int = attrs.field(default=0, init=False)
    _before: Checkpoint = attrs.field(init=False)
    _saved: Checkpoint | None = attrs.field(default=None, init=False)
    _saved_at: float = attrs.field(init=False)
    _began: float = attrs.field(init=False)
    _pending: _Pending = attrs.field(factory=_Pending, init=False)
    _file: FileIO | None = attrs.field(default=None, init=False)
    _is_closed: bool = attrs.field(default=False, init=False)
    _sha: Digest = attrs.field(factory=hashlib.sha256, init=False)
    _claim: Claim = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.state = self._before = self.wanted
        self._saved_at = self._began = self.now()
        self._claim = Claim(self.target.lock)

    def open(self, *, resume: bool) -> None:
        """Claim the path, and go on from its checkpoint or begin anew.

        Raises:
            CheckpointError: when another export holds the path, or the checkpoint is of another.
            ConfigurationError: when the folder cannot be written to.
        """
        if self.target.path.is_dir():
            raise ConfigurationError(f"{self.target.path} is a folder: name a file in it")
        with self._lock, storing(self.target.part):
            if self._is_closed:
                return
            self._claim.take()
            if not resume:
                self._drop()
            found = Checkpoint.load(self.target.checkpoint)
            if found is not None:
                found.check(self.wanted, self.target.checkpoint.name)
                self._before = self.state = self._saved = found
                self.resumed_rows = found.rows
                self.resumed = found.rows > 0 or found.phase != "reading"
            if self.state.phase != "done":
                self._open_part(found)

    def _open_part(self, found: Checkpoint | None) -> None:
        if found is None:
            self._refuse_a_stranger()
            # First the checkpoint: a part without one is never ours.
            self._save()
        part = self.target.part
        if self.state.bytes and not self._holds(self.state):
            raise CheckpointError(
                f"{part.name} is missing or is not what its checkpoint describes; {START_OVER}"
            )
        self._file = FileIO(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+")
        self._cut()
        sync_folder(part.parent)
        if self.state.columns is not None:
            self.encoder.begin(self.state.columns)

    def _refuse_a_stranger(self) -> None:
        part = self.target.part
        if part.exists() and part.stat().st_size:
            raise CheckpointError(
                f"{part.name} has no checkpoint, so it is no export: move it away, or {START_OVER}"
            )

    def _holds(self, state: Checkpoint) -> bool:
        try:
            self._sha = hash_of(self.target.part, state.bytes)
        except FileNotFoundError:
            return False
        return self._sha.hexdigest() == state.sha256

    def _drop(self) -> None:
        for path in (self.target.part, self.target.converted, self.target.checkpoint):
            path.unlink(missing_ok=True)

    def add(self, rows: list[bytes], token: str, listing: ListingReport) -> None:
        """Take rows that were read; `token` goes on behind them."""
        pending = self._pending
        pending.rows += rows
        pending.size += sum(map(len, rows))
        pending.token, pending.listing = token, listing

    @property
    def rows(self) -> int:
        """How many rows are written or wait to be."""
        return self.state.rows + len(self._pending.rows)

    @property
    def listing(self) -> ListingReport:
        """The report of all runs so far."""
        return joined_reports(self._before.listing, self._pending.listing or ListingReport())

    @property
    def is_due(self) -> bool:
        """Whether it is time to `flush`."""
        if self._waits:
            return False
        return self._pending.size >= CHUNK or self.now() - self._saved_at >= self.checkpoint_every

    @property
    def _waits(self) -> bool:
        return self.state.rows == 0 and len(self._pending.rows) < self.encoder.waits_for

    def flush(self) -> None:
        """Write what waits, and the checkpoint when it is time for one."""
        with self._lock, storing(self.target.part):
            self._write()
            if self.now() - self._saved_at >= self.checkpoint_every:
                self._save()

    def end(self, phase: Phase) -> None:
        """Write everything, durably: the listing has ended, and this is the next phase."""
        with self._lock, storing(self.target.part):
            self._write(is_last=True)
            self.state = attrs.evolve(self.state, phase=phase, listing=self.listing)
            self._save()

    def _write(self, *, is_last: bool = False) -> None:
        pending, file = self._pending, self._file
        if file is None or (not is_last and (self._waits or not pending.token)):
            return
        text = self.encoder.encode(pending.rows, first=not self.state.bytes)
        # An empty export, too, is one whole gzip member or zstd frame.
        data = self.compress(text) if text or (is_last and not self.state.bytes) else b""
        write_all(file, data)
        self._sha.update(data)
        self.state = attrs.evolve(
            self.state,
            rows=self.state.rows + len(pending.rows),
            bytes=self.state.bytes + len(data),
            token=pending.token or self.state.token,
            columns=self.encoder.columns,
            listing=self.listing,
        )
        self._pending = _Pending(listing=pending.listing)

    def _save(self) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())
        digest = self._sha.hexdigest()
        self.state = attrs.evolve(self.state, sha256=digest, seconds=self._seconds)
        self.state.save(self.target.checkpoint)
        self._saved, self._saved_at = self.state, self.now()

    def decide(self, size: int, sha256: str) -> None:
        """Say what the finished file is where that is not the part: only its name is missing."""
        with self._lock, storing(self.target.checkpoint):
            self._shut()
            decided = attrs.evolve(self.state, phase="done", bytes=size, sha256=sha256)
            self.state = attrs.evolve(decided, seconds=self._seconds)
            self.state.save(self.target.checkpoint)

    def close(self) -> None:
        """Keep what was read so far, and let go of the path; never fails."""
        with self._lock:
            self._is_closed = True
            # What ended the export is what its caller needs to hear; the last checkpoint stands.
            with suppress(PostHogError, OSError), storing(self.target.part):
                self._keep()
            with suppress(OSError):
                self._shut()
                self._claim.release()

    def _keep(self) -> None:
        if self._file is None or self.state.phase != "reading":
            return
        with suppress(OSError):
            self._cut()
            self._write()
        self._cut()
        if self.state != self._saved:
            self._save()

    def settle(self, source: Path, about: Mapping[str, str]) -> Manifest:
        """Give the finished file its name, say in the manifest what it is, and tidy up.

        Raises:
            CheckpointError: when what was finished is not there any more.
        """
        with self._lock, storing(self.target.path):
            self._shut()
            self._check_finished(source)
            if source.exists():
                replace(source, self.target.path)
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

    def _cut(self) -> None:
        """Cut off what a crash or a failed write left beyond the state."""
        if self._file is not None:
            self._file.truncate(self.state.bytes)
            self._file.seek(self.state.bytes)
