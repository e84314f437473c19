"""The last step of an export: its file gets its name, and a manifest beside it."""

import stat
from collections.abc import Mapping

from posthog_env_async.errors import CheckpointError, ExportError
from posthog_env_async.export.files.durable import replace_file, sync_folder
from posthog_env_async.export.files.paths import Target

from .checkpoint import START_OVER, Checkpoint, timestamp
from .manifest import DataFile, Manifest, names_file

__all__ = ["check_destination", "publish", "remove_temporary"]


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
    if not names_file(target.manifest, path.name):
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
    source = target.finished
    _check_finished(target, state)
    if source.exists():
        replace_file(source, target.path)
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


def _check_finished(target: Target, state: Checkpoint) -> None:
    finished = target.finished if target.finished.exists() else target.path
    if not finished.exists() or finished.stat().st_size != state.bytes:
        raise CheckpointError(
            f"the finished {finished.name} is missing or was changed; {START_OVER}"
        )


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
