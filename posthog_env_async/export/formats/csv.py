"""CSV: a header, then a record for each row."""

import csv
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ExportWarning

from .column_types import CONVERTERS, UNFIT
from .columns import Column, value_of
from .flatten import columns_of, fields_of, flat
from .safe_names import safe_names

__all__ = ["MOST_COLUMNS", "REST", "CSVEncoder", "CSVStyle"]

REST = "_rest"
SAMPLE = 1000
AT_ONCE = 250
MOST_COLUMNS = 1000
BOM = "\ufeff"
# https://owasp.org/www-community/attacks/CSV_Injection, and what may stand in front unseen.
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
UNSEEN = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c"
    "\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\x00\x0b\x0c\x1c\x1d\x1e\x1f\x85"
)


@attrs.frozen
class CSVStyle:
    """How a file is written, whatever its columns.

    With `quote_formulas`, a text that a spreadsheet would take for a formula gets a `'` in front;
    with `bom`, spreadsheets read the file as UTF-8; `safe_names` are for warehouses.
    """

    quote_formulas: bool = False
    bom: bool = False
    safe_names: bool = False

    def header(self, names: Sequence[str]) -> bytes:
        """Return the first line."""
        shown = safe_names(names) if self.safe_names else names
        line = _records([[self.cell(name) for name in shown]])
        return BOM.encode() + line if self.bom else line

    def cell(self, value: Any) -> str:
        """Return the text of a cell."""
        if value is None:
            return ""
        if not isinstance(value, str):
            return dump(value).decode()
        if self.quote_formulas and _is_formula(value):
            return f"'{value}"
        return value


def _is_formula(text: str) -> bool:
    return text.startswith(FORMULA) or text.lstrip(UNSEEN).startswith(FORMULA)


def _records(records: Sequence[Sequence[str]]) -> bytes:
    """Return records: UTF-8, CRLF, quoted where needed (RFC 4180)."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(records)
    # A lone surrogate, which JSON can carry and UTF-8 cannot, is written as JSON writes it.
    return text.getvalue().encode("utf-8", "backslashreplace")


@attrs.define
class CSVEncoder:
    """Rows as CSV.

    Columns that were not chosen are those of the first `sample_size` rows and the fields `known` of
    their model, at most 1,000; a last column `_rest` takes as JSON what a row has beyond them, so
    that nothing is lost that the first rows did not show.
    """

    chosen: tuple[Column, ...] | None = None
    known: tuple[str, ...] = ()
    style: CSVStyle = attrs.field(factory=CSVStyle)
    sample_size: int = attrs.field(init=False)
    columns: tuple[str, ...] | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.sample_size = SAMPLE if self.chosen is None else 0

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Go on with the columns of a checkpoint."""
        self.columns = columns

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield rows as records, the header in front of the first."""
        if self.columns is None:
            self.columns = self._all_columns(rows[:SAMPLE])
        if first:
            yield self.style.header([*self.columns, *(() if self.chosen else (REST,))])
        record: Callable[[bytes], list[str]] = self._flat_record
        if self.chosen is not None:
            record = self._chosen_record
        for start in range(0, len(rows), AT_ONCE):
            yield _records(list(map(record, rows[start : start + AT_ONCE])))

    def _all_columns(self, rows: Sequence[bytes]) -> tuple[str, ...]:
        if self.chosen is not None:
            return tuple(column.name for column in self.chosen)
        shown, total = columns_of(rows, MOST_COLUMNS)
        if total > len(shown):
            text = (
                f"the first rows have {total:,} columns: {MOST_COLUMNS:,} of them, the most"
                f" frequent, are columns, all others are JSON in {REST}; choose with columns="
            )
            warnings.warn(text, ExportWarning, stacklevel=1)
        return (*shown, *(name for name in self.known if name not in shown))

    def _flat_record(self, row: bytes) -> list[str]:
        cells, cell = flat(row), self.style.cell
        record = [cell(cells.pop(name, None)) for name in self.columns or ()]
        beyond = {name: value for name, value in cells.items() if value is not None}
        record.append(dump(beyond).decode() if beyond else "")
        return record

    def _chosen_record(self, row: bytes) -> list[str]:
        fields, chosen = fields_of(row), self.chosen or ()
        return [self._chosen_cell(column, fields, chosen) for column in chosen]

    def _chosen_cell(self, column: Column, fields: Any, chosen: tuple[Column, ...]) -> str:
        if column.is_rest:
            names = {each.field for each in chosen if each.key is None}
            beyond = {name: value for name, value in fields.items() if name not in names}
            return dump(beyond).decode() if beyond else ""
        value = value_of(column, fields)
        if (
            value is not None
            and column.type is not None
            and CONVERTERS[column.type](value) is UNFIT
        ):
            return ""
        return self.style.cell(value)
