"""The manifest beside a finished export, and whether the files are what it says."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread
import attrs

from posthog_env_async.errors import CheckpointError
from posthog_env_async.export.files.durable import hash_of, write_whole
from posthog_env_async.export.files.paths import Target
from posthog_env_async.pagination import ListingReport

from .report import listing_report

__all__ = ["DataFile", "Manifest", "VerifyReport", "verify"]

VERSION = 1
SUFFIX = ".manifest.json"


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
        """Write the manifest, durably."""
        fields = {"version": VERSION, **attrs.asdict(self)}
        write_whole(path, json.dumps(fields, indent=2).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest.

        Raises:
            CheckpointError: when there is none, or it is damaged or of another version.
        """
        try:
            fields: dict[str, Any] = json.loads(path.read_bytes())
            if fields.pop("version") == VERSION:
                return _manifest(fields)
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        except (ValueError, TypeError, KeyError, AttributeError):
            wrong = "is damaged"
        else:
            wrong = "is of another version of this package"
        raise CheckpointError(f"the manifest {path.name} {wrong}")


def _manifest(fields: dict[str, Any]) -> Manifest:
    fields["listing"] = listing_report(fields["listing"])
    fields["files"] = tuple(DataFile(**file) for file in fields["files"])
    return Manifest(**fields)


@attrs.frozen
class VerifyReport:
    """What `verify` found: `problems` in words, none when the export is whole and unchanged."""

    path: Path
    problems: tuple[str, ...]
    manifest: Manifest | None = attrs.field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether everything is as the manifest says."""
        return not self.problems


async def verify(path: str | os.PathLike[str]) -> VerifyReport:
    """Check a finished export against its manifest: each file is there, whole and unchanged.

    `path` is the data file, or its manifest. Reads every byte, off the event loop.
    """
    return await anyio.to_thread.run_sync(_verified, path)


def _verified(named: str | os.PathLike[str]) -> VerifyReport:
    path = Path(named).absolute()
    name = path.name.removesuffix(SUFFIX)
    data = path.with_name(name)
    try:
        manifest = Manifest.load(path.with_name(name + SUFFIX))
    except CheckpointError as error:
        return VerifyReport(data, (*_unfinished(data), str(error)))
    found = [problem for file in manifest.files for problem in _wrong(data.parent, file)]
    if sum(file.rows for file in manifest.files) != manifest.rows:
        found.append("the rows of the files do not add up to the manifest's")
    if not manifest.complete:
        found.append("the listing could not prove that no row is missing (complete is false)")
    # A next export that is under way leaves a finished file as it is, until it replaces it.
    return VerifyReport(data, (*(_unfinished(data) if found else ()), *found), manifest)


def _unfinished(data: Path) -> list[str]:
    if Target(data, "ndjson", "none").checkpoint.exists():
        return [f"an export to {data.name} is unfinished: run it again to go on"]
    return []


def _wrong(folder: Path, file: DataFile) -> list[str]:
    path = folder / file.name
    try:
        size = path.stat().st_size
        if size != file.bytes:
            return [f"{file.name} has {size} bytes instead of {file.bytes}"]
        if hash_of(path).hexdigest() != file.sha256:
            return [f"{file.name} was changed: its SHA-256 is not the manifest's"]
    except OSError as error:
        return [f"{file.name} cannot be read: {error.strerror}"]
    return []
