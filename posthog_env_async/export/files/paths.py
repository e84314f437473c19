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
MANIFEST_SUFFIX = ".manifest.json"


def absolute_path(path: object) -> Path:
    """Return an absolute path.

    Raises:
        ConfigurationError: for what cannot name a file: bytes, numbers, a null character.
    """
    text = path if isinstance(path, str) else getattr(path, "__fspath__", str)()
    if not isinstance(text, str) or not text or "\0" in text or not _is_encodable(text):
        raise ConfigurationError("a path must be a non-empty str or a pathlib.Path")
    return Path(text).absolute()


def _is_encodable(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


@attrs.frozen
class Target:
    """A file to be, and the files that stand beside it until it is published."""

    path: Path
    format: Format
    compression: Compression

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
        return cls(path, format, chosen)

    @property
    def part(self) -> Path:
        """What was written so far."""
        return self._beside(".part")

    @property
    def converted(self) -> Path:
        """The Parquet file while it is made of the part."""
        return self._beside(".part.parquet")

    @property
    def finished(self) -> Path:
        """What is renamed to `path` in the end."""
        return self.converted if self.format == "parquet" else self.part

    @property
    def checkpoint(self) -> Path:
        """Where the export stands."""
        return self._beside(".checkpoint.json")

    @property
    def manifest(self) -> Path:
        """What the finished export is."""
        return self._beside(MANIFEST_SUFFIX)

    @property
    def lock(self) -> Path:
        """Who writes now."""
        return self._beside(".lock")

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)
