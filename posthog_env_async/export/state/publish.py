"""The last step of an export: its file gets its name, and a manifest stands beside it."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import attrs

from posthog_env_async.converter import as_mapping, load
from posthog_env_async.errors import CheckpointError, ExportError, ResponseDecodeError
from posthog_env_async.export.files.durable import (
    read_file,
    replace_file,
    sync_folder,
    write_atomic,
)
from posthog_env_async.export.files.paths import Target
from posthog_env_async.pagination import ListingReport

from .checkpoint import START_OVER, Checkpoint, decode, encode, timestamp

__all__ = ["DataFile", "Manifest", "check_destination", "publish", "remove_temporary"]

KIND = "manifest"
TOOL = "posthog_env_async "


@attrs.frozen
class DataFile:
    """A file of an export; `name` is below the manifest's own folder."""

    name: str
    rows: int
    bytes: int
    sha256: str


@attrs.frozen(kw_only=True)
class Manifest:
    """What a finished export is: where from, when, how much, and the fingerprint of each file.

    `query` is the fingerprint of host, project and query; `about` is what the caller adds, such as
    server and project. It holds no key and no personal data.
    """

    tool: str
    query: str
    format: str
    compression: str
    started: str
    finished: str
    seconds: float
    rows: int
    requests: int
    complete: bool
    listing: ListingReport
    files: tuple[DataFile, ...]
    about: Mapping[str, str] = attrs.field(factory=dict[str, str])

    def save(self, path: Path) -> None:
        """Write the manifest."""
        write_atomic(path, encode(KIND, self, indent=2).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest.

        Raises:
            CheckpointError: when there is none, or it is damaged, was changed or is of another
                version.
        """
        name = f"the manifest {path.name}"
        try:
            text = read_file(path)
        except OSError as error:
            problem = f"{name} cannot be read: {error.strerror}"
        else:
            return decode(KIND, cls, text, name=name)
        raise CheckpointError(problem)


def _names_file(path: Path, name: str) -> bool:
    """Whether a manifest, of whatever version of this package, is that of the file `name`."""
    try:
        fields = as_mapping(load(read_file(path)))
    except (OSError, ResponseDecodeError):
        return False
    entries = fields.get("files")
    files = cast("list[object]", entries) if isinstance(entries, list) else []
    is_export = str(fields.get("tool")).startswith(TOOL)
    return is_export and name in [as_mapping(file).get("name") for file in files]


def check_destination(target: Target, state: Checkpoint | None, *, overwrite: bool) -> None:
    """Check that an export may take the place of what is at its path.

    Raises:
        ExportError: for a folder, device, pipe or socket; without `overwrite` also for a symbolic
            link and for a file that no manifest of ours names.
    """
    path = target.path
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise ExportError(f"{path} is a folder: name a file in it")
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise ExportError(
            f"{path} is a device, a pipe or a socket, not a file: name a file,"
            " or write rows to standard output (--stdout)"
        )
    was_renamed = state is not None and state.phase == "done" and not target.finished.exists()
    if overwrite or was_renamed:
        return
    if stat.S_ISLNK(mode):
        raise ExportError(
            f"{path} is a symbolic link, which an export would replace and not follow:"
            " name the file itself, or allow it with overwrite=True (--overwrite)"
        )
    if not _names_file(target.manifest, path.name):
        raise ExportError(
            f"{path} was not written by an export: name another file,"
            " or allow to replace it with overwrite=True (--overwrite)"
        )


def publish(target: Target, state: Checkpoint, about: Mapping[str, str]) -> Manifest:
    """Rename the finished file, write its manifest, and remove what is not needed any more.

    After a crash between these steps the same call does the rest.

    Raises:
        CheckpointError: when the finished file is not there any more.
    """
    finished = target.finished if target.finished.exists() else target.path
    if not finished.exists() or finished.stat().st_size != state.bytes:
        raise CheckpointError(
            f"the finished {finished.name} is missing or was changed; {START_OVER}"
        )
    if finished != target.path:
        replace_file(finished, target.path)
    manifest = _manifest(target, state, about)
    manifest.save(target.manifest)
    # Only when both names are durable is the checkpoint not needed any more.
    sync_folder(target.path.parent)
    remove_temporary(target)
    return manifest


def remove_temporary(target: Target) -> None:
    """Remove the files of an unfinished export."""
    for path in (target.part, target.finished, target.checkpoint):
        path.unlink(missing_ok=True)


def _manifest(target: Target, state: Checkpoint, about: Mapping[str, str]) -> Manifest:
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
        complete=state.listing.complete,
        listing=state.listing,
        files=(DataFile(target.path.name, state.rows, state.bytes, state.sha256),),
        about=dict(about),
    )
