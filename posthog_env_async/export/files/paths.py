"""Where an export goes: its name, what the name says of the format, and the files beside it."""

import os
from pathlib import Path
from typing import Literal, get_args

import attrs

from posthog_env_async.errors import ConfigurationError

__all__ = ["MANIFEST_SUFFIX", "Compression", "Format", "Target", "absolute_path"]

Format = Literal["ndjson", "csv", "parquet"]
Compression = Literal["none", "gzip", "zstd"]

FORMATS: dict[str, Format] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
}
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
FINISHED: dict[str, str] = {"parquet": ".part.parquet"}
MANIFEST_SUFFIX = ".manifest.json"


def absolute_path(path: object) -> Path:
    """Return an absolute path.

    Raises:
        ConfigurationError: for what cannot name a file: bytes, numbers, a null character.
    """
    text = path if isinstance(path, str) else getattr(path, "__fspath__", str)()
    try:
        if isinstance(text, str) and text and b"\0" not in os.fsencode(text):
            return Path(text).absolute()
    except UnicodeEncodeError:
        pass
    raise ConfigurationError("a path must be a non-empty str or a pathlib.Path")


@attrs.frozen
class Target:
    """A file to be, and the files that stand beside it until it is published.

    Attributes:
        path: the name in the end.
        format: what the rows become.
        compression: of the file, or inside of it.
        part: what was written so far.
        finished: what is renamed to `path` in the end: the part, or what it is converted into.
        checkpoint: where the export stands.
        manifest: what the finished export is.
        lock: who writes now.
    """

    path: Path
    format: Format
    compression: Compression
    part: Path
    finished: Path
    checkpoint: Path
    manifest: Path
    lock: Path

    @classmethod
    def parse(
        cls,
        path: str | os.PathLike[str],
        *,
        format: Format | None = None,
        compression: Compression | None = None,
    ) -> "Target":
        """Read format and compression off a name such as `persons.csv.gz`, unless they are given.

        Parquet compresses inside the file: with zstd unless said otherwise.

        Raises:
            ConfigurationError: when the name does not tell, or the two do not go together.
        """
        path = absolute_path(path)
        packed = COMPRESSIONS.get(path.suffix.lower())
        suffix = path.with_suffix("").suffix if packed else path.suffix
        format = format or FORMATS.get(suffix.lower())
        if format is None or format not in get_args(Format):
            raise ConfigurationError(
                f"the format of {path.name!r} is unknown: let it end in {', '.join(FORMATS)},"
                " with .gz or .zst behind, or give format='ndjson', 'csv' or 'parquet'"
            )
        if format == "parquet" and packed:
            raise ConfigurationError(
                f"Parquet is compressed inside: let {path.name!r} end in .parquet,"
                " and choose with compression='zstd' or 'gzip'"
            )
        chosen = compression or packed or ("zstd" if format == "parquet" else "none")
        if chosen not in get_args(Compression):
            raise ConfigurationError("compression must be 'none', 'gzip' or 'zstd'")
        beside = (
            ".part",
            FINISHED.get(format, ".part"),
            ".checkpoint.json",
            MANIFEST_SUFFIX,
            ".lock",
        )
        return cls(path, format, chosen, *[path.with_name(path.name + suffix) for suffix in beside])
