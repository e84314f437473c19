"""Where an export stands, on disk, and the one JSON form of all that an export keeps."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs

from posthog_env_async._version import __version__
from posthog_env_async.converter import as_mapping, load, structure
from posthog_env_async.errors import CheckpointError, ResponseDecodeError
from posthog_env_async.export.files.durable import read_file, write_atomic
from posthog_env_async.pagination import ListingReport, QueryFingerprint

__all__ = ["START_OVER", "Checkpoint", "Phase", "decode", "encode", "timestamp"]

KIND = "checkpoint"
VERSION = 2
START_OVER = "start over with resume=False (--restart), which drops what was written so far"

T = TypeVar("T")

Phase = Literal["reading", "read", "done"]


def timestamp() -> str:
    """Return the current time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@attrs.frozen(kw_only=True)
class Checkpoint:
    """Where an export stands: the part's first `bytes` hold `rows` rows; `token` goes on there.

    `phase` is `reading` until the listing has ended; then `read`, and `done` once `bytes` and
    `sha256` describe the file that only lacks its final name. `options` is what the caller chose:
    only the same goes on. `listing` is the report of all runs so far; `may_overwrite` says that a
    file which is not ours may be replaced in the end.
    """

    subject: QueryFingerprint
    format: str
    compression: str
    options: Mapping[str, Any]
    started: str = attrs.field(factory=timestamp)
    phase: Phase = "reading"
    token: str | None = attrs.field(default=None, repr=False)
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    columns: tuple[str, ...] | None = None
    seconds: float = 0.0
    may_overwrite: bool = False
    listing: ListingReport = attrs.field(factory=ListingReport)
    tool: str = f"posthog_env_async {__version__}"

    @property
    def is_resumable(self) -> bool:
        """Whether there is anything to resume; otherwise the next export starts over."""
        return self.rows > 0 or self.phase != "reading"

    def save(self, path: Path) -> None:
        """Put the checkpoint in place of the one before."""
        write_atomic(path, encode(KIND, self, indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> "Checkpoint | None":
        """Read a checkpoint, `None` when there is none.

        Raises:
            CheckpointError: when it is damaged, was changed, or is of another version.
        """
        try:
            text = read_file(path)
        except FileNotFoundError:
            return None
        checkpoint = decode(KIND, cls, text, name=path.name, advice=START_OVER)
        if min(checkpoint.rows, checkpoint.bytes) < 0 or (
            checkpoint.is_resumable and not checkpoint.token
        ):
            raise CheckpointError(f"{path.name} is damaged; {START_OVER}")
        return checkpoint

    def check(self, wanted: "Checkpoint", name: str) -> None:
        """Check that this is a checkpoint of the export that is wanted.

        Raises:
            CheckpointError: naming what differs.
        """
        differs = self.subject.difference(wanted.subject)
        for field in ("format", "compression"):
            if differs is None and getattr(self, field) != getattr(wanted, field):
                differs = field
        if differs is None:
            options = wanted.options
            differs = next((n for n in options if self.options.get(n) != options[n]), None)
        if differs is not None:
            raise CheckpointError(
                f"{name} belongs to an export with another {differs}: run that one again to go on;"
                f" or {START_OVER}"
            )


def encode(kind: str, value: Any, *, indent: int | None = None) -> str:
    """Return an attrs object as JSON that `decode` takes again."""
    fields: dict[str, Any] = attrs.asdict(value)
    head = {"kind": kind, "version": VERSION, "checksum": _checksum(kind, fields)}
    return json.dumps({**head, **fields}, indent=indent)


def decode(kind: str, model: type[T], text: str | bytes, *, name: str, advice: str = "") -> T:
    """Read what `encode` wrote; `name` is what an error calls it.

    Raises:
        CheckpointError: when it is damaged, was changed, or is of another kind or version.
    """
    try:
        fields = dict(as_mapping(load(_bytes(text))))
        found_kind, version, checksum = (
            fields.pop(key, None) for key in ("kind", "version", "checksum")
        )
        if version != VERSION and isinstance(version, int):
            problem = "is of another version of this package"
        elif found_kind != kind or version != VERSION or checksum != _checksum(kind, fields):
            problem = f"is damaged or was changed, or it is not a {kind}"
        else:
            return structure(model, fields)
    except (ResponseDecodeError, RecursionError, ValueError):
        problem = "is damaged"
    raise CheckpointError(f"{name} {problem}{advice and f'; {advice}'}")


def _bytes(text: object) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    return text if isinstance(text, bytes) else b""


def _checksum(kind: str, fields: dict[str, Any]) -> str:
    text = json.dumps([kind, VERSION, fields], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
