"""What the caller chose of a file, checked before anything is sent."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError

from .files.paths import Compression, Format, Target
from .formats.column_types import Kind
from .formats.columns import Column, parse_columns
from .formats.csv import CSVEncoder, CSVStyle
from .formats.encoder import Encoder
from .formats.ndjson import NDJSONEncoder
from .formats.table_options import TableOptions, parse_property_columns
from .sources import RowSource

__all__ = ["FileChoices", "FileOptions"]


PROJECT_ID = "project_id"


class FileChoices(TypedDict, total=False):
    """The keyword arguments of `export` that describe the file."""

    format: Format | None
    compression: Compression | None
    columns: Sequence[str] | None
    property_columns: Mapping[str, str] | Sequence[str]
    quote_formulas: bool
    safe_names: bool
    add_project_id: bool
    excel: bool
    model: type[Any] | None
    overwrite: bool
    lock: bool
    checkpoint_every: float


@attrs.frozen(kw_only=True)
class FileOptions:
    """Format, columns and their types, and how the file is written; some belong to some formats."""

    format: Format | None = None
    compression: Compression | None = None
    columns: tuple[Column, ...] | None = attrs.field(default=None, converter=parse_columns)
    property_columns: tuple[Column, ...] = attrs.field(default=(), converter=parse_property_columns)
    quote_formulas: bool = False
    safe_names: bool = False
    add_project_id: bool = False
    excel: bool = False
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
        if target.format == "ndjson":
            self._check_no_columns()
        if self.property_columns and target.format != "parquet":
            raise ConfigurationError(
                "property_columns are for Parquet; in CSV choose columns=['properties.email', …]"
            )
        if self.quote_formulas and target.format != "csv":
            raise ConfigurationError("quote_formulas is for CSV")
        if self.excel and target.format != "csv":
            raise ConfigurationError("excel is for CSV: it puts a byte order mark in front")
        return target

    def _check_no_columns(self) -> None:
        if self.columns is not None:
            raise ConfigurationError("NDJSON has no columns: rows stay as the server sent them")
        if self.safe_names:
            raise ConfigurationError("safe_names is for CSV and Parquet: NDJSON has no columns")

    def resumable(self, target: Target) -> dict[str, Any]:
        """Return what has to stay the same when an export goes on."""
        added = {"add_project_id": True} if self.add_project_id else {}
        if target.format != "csv":
            return added
        columns = self.columns and [[column.name, column.kind] for column in self.columns]
        return added | {
            "columns": columns,
            "quote_formulas": self.quote_formulas,
            "safe_names": self.safe_names,
            "excel": self.excel,
        }

    def table(self, source: RowSource) -> TableOptions:
        """Return what is chosen of the columns, checked as far as the rows' model is known."""
        columns, added = self.columns, self.property_columns
        if self.add_project_id:
            project = Column(
                PROJECT_ID, PROJECT_ID, kind=_project_kind(source.project_id), is_ours=True
            )
            columns = None if columns is None else (project, *columns)
            added = (*added, project) if columns is None else added
        table = TableOptions(columns, added, self.model or source.model, self.safe_names)
        table.check()
        return table

    def encoder(self, target: Target, table: TableOptions) -> Encoder:
        """Return how rows are written to the part."""
        if target.format != "csv":
            return NDJSONEncoder()
        known = tuple(name for name, kind in (table.kinds or {}).items() if kind != "json")
        known = (*(column.name for column in table.added if column.is_ours), *known)
        style = CSVStyle(self.quote_formulas, self.excel, self.safe_names)
        return CSVEncoder(table.columns, known, style)

    def prefix(self, source: RowSource) -> bytes:
        """Return what is put in front of the fields of each row."""
        if not self.add_project_id:
            return b""
        if source.project_id is None:
            raise ConfigurationError("add_project_id needs a listing of a project")
        project = source.project_id
        return f'"{PROJECT_ID}":'.encode() + dump(int(project) if project.isdigit() else project)


def _project_kind(project: str | None) -> Kind:
    return "integer" if project is not None and project.isdigit() else "text"
