"""What the caller chose of a file, checked before anything is sent."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import attrs

from posthog_env_async.errors import ConfigurationError

from .files.paths import Compression, Format, Target
from .formats.column_types import Kind, checked_kind
from .formats.csv import CSVEncoder
from .formats.encoder import Encoder
from .formats.ndjson import NDJSONEncoder

__all__ = ["FileChoices", "FileOptions"]


class FileChoices(TypedDict, total=False):
    """The keyword arguments of `export` that describe the file."""

    format: Format | None
    compression: Compression | None
    columns: Sequence[str] | None
    property_columns: Mapping[str, str] | Sequence[str]
    quote_formulas: bool
    model: type[Any] | None
    overwrite: bool
    lock: bool
    checkpoint_every: float


def _names(names: Any) -> tuple[str, ...] | None:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names or ()):
        raise ConfigurationError("columns must be a list of names")
    return None if names is None else tuple(names)


def _kinds(columns: Any) -> Mapping[str, Kind]:
    if isinstance(columns, str):
        raise ConfigurationError("property_columns must be a list of names, or a mapping to types")
    typed: Mapping[str, str]
    typed = columns if hasattr(columns, "items") else dict.fromkeys(columns, "text")
    return {name: checked_kind(name, kind) for name, kind in typed.items()}


def _no_kinds() -> Mapping[str, Kind]:
    return {}


@attrs.frozen(kw_only=True)
class FileOptions:
    """Format, columns and their types, and how the file is written; some belong to some formats."""

    format: Format | None = None
    compression: Compression | None = None
    columns: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    property_columns: Mapping[str, Kind] = attrs.field(factory=_no_kinds, converter=_kinds)
    quote_formulas: bool = False
    model: type[Any] | None = None
    overwrite: bool = False
    lock: bool = True
    checkpoint_every: float = 0.5

    def target(self, path: str | os.PathLike[str]) -> Target:
        """Return the file that a path names, if these options go with its format.

        Raises:
            ConfigurationError: naming the choice that does not, and what to use instead.
        """
        target = Target.parse(path, format=self.format, compression=self.compression)
        if self.columns is not None and target.format == "ndjson":
            raise ConfigurationError("NDJSON has no columns: rows stay as the server sent them")
        if self.columns is not None and len(set(self.columns)) != len(self.columns or " "):
            raise ConfigurationError("columns must be some, and each only once")
        if self.property_columns and target.format != "parquet":
            raise ConfigurationError(
                "property_columns are for Parquet; in CSV choose columns=['properties.email', …]"
            )
        if self.quote_formulas and target.format != "csv":
            raise ConfigurationError("quote_formulas is for CSV")
        return target

    def resumable(self, target: Target) -> dict[str, Any]:
        """Return what has to stay the same when an export goes on."""
        if target.format != "csv":
            return {}
        columns = None if self.columns is None else list(self.columns)
        return {"columns": columns, "quote_formulas": self.quote_formulas}

    def encoder(self, target: Target) -> Encoder:
        """Return how rows are written to the part."""
        if target.format == "csv":
            return CSVEncoder(self.columns, quote_formulas=self.quote_formulas)
        return NDJSONEncoder()
