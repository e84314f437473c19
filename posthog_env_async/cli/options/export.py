"""Options of `posthog-env export`: where to, in which form, and how."""

from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.cli.output.resume_advice import resume_command
from posthog_env_async.errors import ConfigurationError

from .parsing import page_size_of

__all__ = ["DEFAULT_DESTINATION", "DEFAULT_READ_OPTIONS", "Destination", "ReadOptions"]

STDOUT = Path("-")
FILES = Group("Files", sort_key=30)
READING = Group("Reading", sort_key=40)
SUFFIXES = {"ndjson": ".ndjson", "csv": ".csv", "parquet": ".parquet"}
PACKED = {"gzip": ".gz", "zstd": ".zst"}
FILE_SUFFIXES = {*SUFFIXES.values(), *PACKED.values(), ".jsonl"}


@Parameter(name="*", group=FILES)
@attrs.frozen(kw_only=True)
class Destination:
    """Where the rows go, and in which form."""

    out: Annotated[
        Path | None,
        Parameter(
            help="A file; its suffix is the format: .ndjson, .csv or .parquet, and .gz or .zst to"
            " compress it. Or a folder, with one file per project; - for stdout. By default a file"
            " in the current folder.",
            allow_leading_hyphen=True,
        ),
    ] = None
    format: Annotated[
        Literal["ndjson", "csv", "parquet"] | None,
        Parameter(help="The format, instead of a suffix; by default ndjson."),
    ] = None
    gzip: Annotated[bool, Parameter(help="Compress with gzip.")] = False
    zstd: Annotated[bool, Parameter(help="Compress with zstd; needs the extra zstd.")] = False
    columns: Annotated[
        str | None,
        Parameter(
            help="Columns of CSV and Parquet, separated by commas: uuid,properties.email, with a"
            " type where wanted: properties.seats=integer (text, integer, number, boolean,"
            " time or json)."
        ),
    ] = None
    quote_formulas: Annotated[
        bool,
        Parameter(help="In CSV, quote texts that a spreadsheet would run as formulas."),
    ] = False
    excel: Annotated[
        bool, Parameter(help="In CSV, start with the mark that tells Excel to read UTF-8.")
    ] = False
    safe_names: Annotated[
        bool,
        Parameter(help="In CSV and Parquet, column names for warehouses: only a-z, 0-9 and _."),
    ] = False
    add_project_id: Annotated[
        bool, Parameter(help="Give each row the field project_id, in any format.")
    ] = False
    restart: Annotated[
        bool,
        Parameter(help="Discard what an unfinished export left, and start over."),
    ] = False
    overwrite: Annotated[
        bool, Parameter(help="Replace a file that was not written by an export, or a link.")
    ] = False
    no_lock: Annotated[
        bool,
        Parameter(
            help="Do not lock NAME.lock, for file systems without locks; make sure that no other"
            " export writes the same file."
        ),
    ] = False
    stdout: Annotated[bool, Parameter(help="Write NDJSON to stdout instead of files.")] = False

    @property
    def compression(self) -> Literal["gzip", "zstd"] | None:
        """The compression that was asked for, beside the suffix."""
        if self.gzip and self.zstd:
            raise ConfigurationError("give --gzip or --zstd, not both")
        return "gzip" if self.gzip else "zstd" if self.zstd else None

    def settings(self) -> dict[str, Any]:
        """Return what `export` and `export_many` take."""
        columns = None
        if self.columns is not None:
            columns = tuple(name.strip() for name in self.columns.split(","))
        return {
            "format": self.format,
            "compression": self.compression,
            "columns": columns,
            "quote_formulas": self.quote_formulas,
            "excel": self.excel,
            "safe_names": self.safe_names,
            "add_project_id": self.add_project_id,
            "resume": not self.restart,
            "overwrite": self.overwrite,
            "lock": not self.no_lock,
        }

    def path(self, what: str, project: str, *, alone: bool) -> Path:
        """Return the file of a project."""
        out = self.out or Path()
        is_folder = out.is_dir() or (not out.suffix and self.format is None)
        if self.out is not None and alone and not is_folder:
            return out
        if out.suffix.lower() in FILE_SUFFIXES and not out.is_dir():
            raise ConfigurationError(f"--out {out} is a file: for several projects name a folder")
        form = self.format or "ndjson"
        packed = PACKED.get(self.compression or "", "") if form != "parquet" else ""
        return out / f"{what}-{project.lstrip('@')}{SUFFIXES[form]}{packed}"

    @property
    def to_stdout(self) -> bool:
        """Whether the rows go to stdout."""
        return self.stdout or self.out == STDOUT

    def stop_advice(self) -> str:
        """Return how to resume an export into files."""
        return "" if self.to_stdout else f"what was read is kept. Go on with:\n  {resume_command()}"

    def check_for_stdout(self, projects: int) -> None:
        """Check that no option is given that needs files.

        Raises:
            ConfigurationError: naming it.
        """
        if projects != 1:
            raise ConfigurationError("--stdout takes one project: rows do not say whose they are")
        if self.stdout and self.out:
            raise ConfigurationError("give --stdout or --out, not both")
        changes = (self.columns, self.compression, self.excel, self.safe_names, self.add_project_id)
        if self.format not in {None, "ndjson"} or any(changes):
            raise ConfigurationError(
                "to stdout goes NDJSON as it comes: without --format, compression, and options of"
                " columns"
            )


@Parameter(name="*", group=READING)
@attrs.frozen(kw_only=True)
class ReadOptions:
    """How the rows are read."""

    all_projects: Annotated[bool, Parameter(help="Every project that the key can use.")] = False
    page_size: Annotated[
        str, Parameter(help="Rows per request, 1 to 10,000; auto grows while the server is fast.")
    ] = "auto"
    prefetch: Annotated[int, Parameter(help="Pages to read ahead, per project.")] = 4
    max_items: Annotated[int | None, Parameter(help="Stop after this many rows, per project.")] = (
        None
    )
    concurrency: Annotated[int, Parameter(help="How many projects to export at once.")] = 4
    count: Annotated[
        bool,
        Parameter(
            help="Ask for the total first, to show the share and the remaining time; exit code 3 if"
            " fewer rows come.",
        ),
    ] = False
    on_gap: Annotated[
        Literal["raise", "report"],
        Parameter(help="If rows may be missing: stop, or continue and end with exit code 3."),
    ] = "raise"

    def settings(self) -> dict[str, Any]:
        """Return what a listing by offset takes."""
        return {
            "page_size": page_size_of(self.page_size),
            "prefetch": self.prefetch,
            "max_items": self.max_items,
        }


DEFAULT_DESTINATION = Destination()
DEFAULT_READ_OPTIONS = ReadOptions()
