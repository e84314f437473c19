"""What the caller chose of a file, checked before anything is sent."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError

from .files.paths import Compression, Format, Target
from .formats.columns import Column, parse_columns
from .formats.compression import compressor
from .formats.csv import CSVEncoder, CSVStyle
from .formats.record_batches import arrow_module
from .formats.row_writer import NDJSONEncoder, RowWriter
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
    """Format, columns and their types, and how the file is written; some belong to some formats.

    `concurrency` is how many files are written at once: they share the memory of one.
    """

    format: Format | None = None
    compression: Compression | None = None
    columns: Sequence[str] | None = None
    property_columns: Mapping[str, str] | Sequence[str] = ()
    quote_formulas: bool = False
    safe_names: bool = False
    add_project_id: bool = False
    excel: bool = False
    model: type[Any] | None = None
    overwrite: bool = False
    lock: bool = True
    checkpoint_every: float = 0.5
    concurrency: int = 1

    def target(self, path: str | os.PathLike[str]) -> Target:
        """Return the file that a path names, if these options go with its format.

        Raises:
            ConfigurationError: naming the choice that does not, and what to use instead.
        """
        target = Target.parse(path, format=self.format, compression=self.compression)
        if self.columns is not None and target.format == "ndjson":
            raise ConfigurationError("NDJSON has no columns: rows stay as the server sent them")
        if self.safe_names and target.format == "ndjson":
            raise ConfigurationError("safe_names is for CSV and Parquet: NDJSON has no columns")
        if self.property_columns and target.format != "parquet":
            raise ConfigurationError(
                "property_columns are for Parquet; in CSV choose columns=['properties.email', …]"
            )
        if self.quote_formulas and target.format != "csv":
            raise ConfigurationError("quote_formulas is for CSV")
        if self.excel and target.format != "csv":
            raise ConfigurationError("excel is for CSV: it puts a byte order mark in front")
        return target

    def resumable(self, target: Target) -> dict[str, Any]:
        """Return what has to stay the same when an export goes on."""
        chosen: dict[str, Any] = {"add_project_id": True} if self.add_project_id else {}
        if target.format == "csv":
            chosen["columns"] = None if self.columns is None else list(self.columns)
            chosen["quote_formulas"] = self.quote_formulas
            chosen |= {"safe_names": self.safe_names, "excel": self.excel}
        return chosen

    def writer(self, source: RowSource, target: Target) -> RowWriter:
        """Return what writes the rows of a source to the part.

        Raises:
            ConfigurationError: for columns that there cannot be, and for an extra that is missing.
        """
        prefix = _project_field(source.project_id) if self.add_project_id else b""
        # What becomes Parquet is compressed inside, later.
        is_plain = target.format == "parquet" or target.compression == "none"
        compress = None if is_plain else compressor(target.compression)
        if target.format == "ndjson":
            return RowWriter(NDJSONEncoder(), compress, None, prefix)
        table = self._table(source)
        if target.format == "parquet":
            arrow_module()
            return RowWriter(NDJSONEncoder(), compress, table, prefix)
        known = [column.name for column in table.added if column.is_project_id]
        known += [name for name, each in (table.types or {}).items() if each != "json"]
        style = CSVStyle(self.quote_formulas, self.excel, self.safe_names)
        return RowWriter(CSVEncoder(table.columns, tuple(known), style), compress, table, prefix)

    def _table(self, source: RowSource) -> TableOptions:
        """Return what is chosen of the columns, checked as far as the rows' model is known."""
        columns = parse_columns(self.columns)
        added = parse_property_columns(self.property_columns)
        if self.add_project_id:
            project = Column(PROJECT_ID, PROJECT_ID, is_project_id=True, type="text")
            if source.project_id is not None and source.project_id.isdigit():
                project = attrs.evolve(project, type="integer")
            columns = None if columns is None else (project, *columns)
            added = added if columns is not None else (*added, project)
        table = TableOptions(columns, added, self.model or source.model, self.safe_names)
        table.check()
        return table


def _project_field(project: str | None) -> bytes:
    if project is None:
        raise ConfigurationError("add_project_id needs a listing of a project")
    return dump(PROJECT_ID) + b":" + dump(int(project) if project.isdigit() else project)
