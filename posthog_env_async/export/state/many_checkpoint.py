"""What a run over many exports has finished, so that the next run goes on with the rest."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import attrs

from posthog_env_async.errors import CheckpointError
from posthog_env_async.export.files.durable import wrap_os_errors, write_whole
from posthog_env_async.export.files.paths import Target

from .manifest import Manifest

__all__ = ["BatchCheckpoint"]

VERSION = 1
GOES_ON_FOR = 20 * 3600.0


@attrs.define
class BatchCheckpoint:
    """The memory of one set of exports, kept in their common folder until all of them ended.

    A run that is started again within 20 hours keeps what was finished; later, or when the run
    before came to its end, everything is exported anew, as a nightly run wants it.
    """

    path: Path
    started: float
    finished: dict[str, str] = attrs.field(factory=dict[str, str])
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @classmethod
    def load(
        cls,
        subjects: Mapping[Path, str],
        *,
        resume: bool,
        now: Callable[[], float] = time.time,
    ) -> "BatchCheckpoint":
        """Read what the last run over the same exports left, if it is recent."""
        path = _place(subjects)
        if not resume:
            with wrap_os_errors(path):
                path.unlink(missing_ok=True)
        fields = _fields(path)
        started = fields.get("started")
        if fields.get("version") != VERSION or not isinstance(started, float | int):
            return cls(path, now())
        if now() - started > GOES_ON_FOR:
            return cls(path, now())
        return cls(path, started, dict(fields["finished"]))

    def kept(self, target: Target, query: str) -> Manifest | None:
        """Return the manifest of an export that this batch finished and that still stands."""
        if str(target.path) not in self.finished or target.checkpoint.exists():
            return None
        try:
            manifest = Manifest.load(target.manifest)
            stands = target.path.stat().st_size == manifest.files[0].bytes
        except (CheckpointError, OSError):
            return None
        is_same = manifest.files[0].sha256 == self.finished[str(target.path)]
        return manifest if stands and is_same and manifest.query == query else None

    def add(self, path: Path, sha256: str) -> None:
        """Remember an export that is finished."""
        with self._lock, wrap_os_errors(self.path):
            self.finished[str(path)] = sha256
            fields = {"version": VERSION, "started": self.started, "finished": self.finished}
            write_whole(self.path, json.dumps(fields, indent=1).encode())

    def end(self) -> None:
        """Forget the batch."""
        with wrap_os_errors(self.path):
            self.path.unlink(missing_ok=True)


def _place(subjects: Mapping[Path, str]) -> Path:
    names: Iterable[str] = (f"{path}={query}" for path, query in sorted(subjects.items()))
    short = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    folder = Path(os.path.commonpath([path.parent for path in subjects]))
    return folder / f"batch-{short}.checkpoint.json"


def _fields(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
