"""What the caller chose of a file, checked before anything is sent."""

from collections.abc import Mapping
from typing import Any

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.export.files.paths import Target

from .column_types import Kind, checked_kind
from .csv import CSVEncoder
from .encoder import Encoder
from .ndjson import NDJSONEncoder

__all__ = ["FormatOptions"]


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
class FormatOptions:
    """Columns, their types, and how texts are quoted; each belongs to some formats only."""

    columns: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    property_columns: Mapping[str, Kind] = attrs.field(factory=_no_kinds, converter=_kinds)
    quote_formulas: bool = False
    model: type[Any] | None = None

    def check(self, target: Target) -> None:
        """Check that the choices belong to the format.

        Raises:
            ConfigurationError: naming the choice that does not, and what to use instead.
        """
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

    def asked(self, target: Target) -> dict[str, Any]:
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
