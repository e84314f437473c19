"""The manifest beside a finished export: where from, when, how much, and its fingerprint."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import attrs

from posthog_env_async.converter import as_mapping, load
from posthog_env_async.errors import CheckpointError, ResponseDecodeError
from posthog_env_async.export.files.durable import read_file, write_atomic
from posthog_env_async.pagination import ListingReport

from .codec import decode, encode

__all__ = ["DataFile", "Manifest", "names_file"]

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


def names_file(path: Path, name: str) -> bool:
    """Whether a manifest, of whatever version of this package, is that of the file `name`."""
    try:
        fields = as_mapping(load(read_file(path)))
    except (OSError, ResponseDecodeError):
        return False
    found = fields.get("files")
    files = cast("list[object]", found) if isinstance(found, list) else []
    is_ours = str(fields.get("tool")).startswith(TOOL)
    return is_ours and name in [as_mapping(file).get("name") for file in files]
