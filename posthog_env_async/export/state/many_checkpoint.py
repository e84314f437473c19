"""What a run over many exports has finished, so that the next run goes on with the rest."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

from posthog_env_async.errors import CheckpointError
from posthog_env_async.export.files.durable import hash_of, read_file, wrap_os_errors, write_atomic
from posthog_env_async.export.files.paths import Target

from .checkpoint import decode, encode
from .publish import Manifest

__all__ = ["BatchCheckpoint"]

KIND = "batch"
RESUMABLE_FOR = 20 * 3600.0


@attrs.frozen
class _Finished:
    """What is kept on disk: when the run began, and the SHA-256 of each file that it finished."""

    started: float
    files: Mapping[str, str] = attrs.field(factory=dict[str, str])


@attrs.define
class BatchCheckpoint:
    """The memory of one set of exports, kept in their common folder until all of them ended.

    A run that is started again within 20 hours keeps what was finished; later, or when the run
    before came to its end, everything is exported anew, as a nightly run wants it. One that cannot
    be read is not used: then everything is exported anew, too.
    """

    path: Path
    _state: _Finished
    _mutex: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @classmethod
    def load(
        cls,
        queries: Mapping[Path, str],
        *,
        resume: bool,
        now: Callable[[], float] = time.time,
    ) -> "BatchCheckpoint":
        """Read what the last run over the same exports left, if it is recent."""
        path = _path_for(queries)
        state: _Finished | None = None
        with wrap_os_errors(path):
            if not resume:
                path.unlink(missing_ok=True)
            with suppress(FileNotFoundError, CheckpointError):
                state = decode(KIND, _Finished, read_file(path), name=path.name)
        if state is None or now() - state.started > RESUMABLE_FOR:
            state = _Finished(now())
        return cls(path, state)

    def kept(self, target: Target, query: str) -> Manifest | None:
        """Return the manifest of an export that this batch finished and that is unchanged."""
        sha256 = self._state.files.get(str(target.path))
        if sha256 is None or target.checkpoint.exists():
            return None
        try:
            manifest = Manifest.load(target.manifest)
            is_there = target.path.stat().st_size == manifest.files[0].bytes
        except (CheckpointError, OSError):
            return None
        is_same = manifest.files[0].sha256 == sha256 and manifest.query == query
        return manifest if is_there and is_same else None

    def has_written(self, target: Target) -> bool:
        """Whether the file at a path is what this batch wrote there."""
        sha256 = self._state.files.get(str(target.path))
        try:
            return sha256 is not None and hash_of(target.path).hexdigest() == sha256
        except OSError:
            return False

    def add(self, path: Path, sha256: str) -> None:
        """Record an export that is finished."""
        with self._mutex, wrap_os_errors(self.path):
            files = {**self._state.files, str(path): sha256}
            self._state = attrs.evolve(self._state, files=files)
            write_atomic(self.path, encode(KIND, self._state, indent=1).encode())

    def remove(self) -> None:
        """Remove the file of the batch."""
        with wrap_os_errors(self.path):
            self.path.unlink(missing_ok=True)


def _path_for(queries: Mapping[Path, str]) -> Path:
    names: Iterable[str] = (f"{path}={query}" for path, query in sorted(queries.items()))
    short = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    folder = Path(os.path.commonpath([path.parent for path in queries]))
    return folder / f"batch-{short}.checkpoint.json"
