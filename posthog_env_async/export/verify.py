"""Whether finished exports are what their manifests say."""

import os
from pathlib import Path

import attrs

from posthog_env_async.errors import CheckpointError, PostHogError

from .files.durable import hash_of, in_thread
from .files.paths import MANIFEST_SUFFIX, Target, absolute_path
from .formats.row_count import count_rows
from .state.publish import DataFile, Manifest

__all__ = ["VerifyReport", "verify"]

CHECKPOINT_SUFFIX = ".checkpoint.json"


@attrs.frozen
class VerifyReport:
    """What `verify` found: `problems` in words, none when the export is complete and unchanged.

    For a folder, `files` has the report of each file, and `problems` are those of all.
    """

    path: Path
    problems: tuple[str, ...]
    manifest: Manifest | None = attrs.field(default=None, repr=False)
    files: "tuple[VerifyReport, ...]" = attrs.field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Whether everything is as the manifest says."""
        return not self.problems


async def verify(path: str | os.PathLike[str]) -> VerifyReport:
    """Check finished exports against their manifests: each is there, complete and unchanged.

    `path` is the data file, its manifest, or a folder of exports. Reads every byte and counts the
    rows, off the event loop.

    Raises:
        ConfigurationError: for what is not a path.
    """
    absolute = absolute_path(path)
    return await in_thread(lambda: _verified(absolute))


def _verified(path: Path) -> VerifyReport:
    if path.is_dir():
        return _verified_folder(path)
    return _verified_file(path.with_name(path.name.removesuffix(MANIFEST_SUFFIX)))


def _verified_folder(folder: Path) -> VerifyReport:
    names = {found.name for found in folder.iterdir()}
    stems = {name.removesuffix(MANIFEST_SUFFIX) for name in names if name.endswith(MANIFEST_SUFFIX)}
    stems |= {name for name in names if f"{name}{CHECKPOINT_SUFFIX}" in names or _is_data(name)}
    stems |= {name.removesuffix(".part") for name in names if name.endswith(".part")}
    files = tuple(_verified_file(folder / stem) for stem in sorted(stems))
    problems = tuple(problem for file in files for problem in file.problems)
    return VerifyReport(folder, problems if files else ("there is no export in it",), files=files)


def _is_data(name: str) -> bool:
    try:
        Target.parse(name)
    except PostHogError:
        return False
    return not name.endswith(".part.parquet")


def _verified_file(data: Path) -> VerifyReport:
    try:
        manifest = Manifest.load(data.with_name(data.name + MANIFEST_SUFFIX))
    except CheckpointError as error:
        return VerifyReport(data, (*_unfinished(data), str(error)))
    problems = _differences(data, manifest)
    if not manifest.complete:
        problems.append("the listing could not prove that no row is missing (complete is false)")
    # A next export that is under way leaves a finished file as it is, until it replaces it.
    return VerifyReport(data, (*(_unfinished(data) if problems else ()), *problems), manifest)


def _unfinished(data: Path) -> list[str]:
    if data.with_name(data.name + CHECKPOINT_SUFFIX).exists():
        return [f"an export to {data.name} is unfinished: run it again to go on"]
    return []


def _differences(data: Path, manifest: Manifest) -> list[str]:
    if len(manifest.files) != 1:
        return [f"the manifest of {data.name} describes {len(manifest.files)} files"]
    file = manifest.files[0]
    if file.rows != manifest.rows:
        return ["the rows of the file are not the manifest's"]
    try:
        return _changes(data, manifest, file)
    except OSError as error:
        return [f"{data.name} cannot be read: {error.strerror or type(error).__name__}"]


def _changes(data: Path, manifest: Manifest, file: DataFile) -> list[str]:
    size = data.stat().st_size
    if size != file.bytes:
        return [f"{data.name} has {size} bytes instead of {file.bytes}"]
    if hash_of(data).hexdigest() != file.sha256:
        return [f"{data.name} was changed: its SHA-256 is not the manifest's"]
    try:
        rows = count_rows(data, manifest.format, manifest.compression)
    except Exception:  # noqa: BLE001 - whatever a reader raises for a file that is not of its kind
        return [f"{data.name} cannot be read as {manifest.format}, {manifest.compression}"]
    if rows is not None and rows != file.rows:
        return [f"{data.name} has {rows} rows instead of {file.rows}"]
    return []
