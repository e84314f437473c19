"""CSV: a header, then a record for each row."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from posthog_env_async.converter import dump

from .flatten import columns_of, flat

__all__ = ["REST", "CSVColumns", "CSVEncoder"]

REST = "_rest"
SAMPLE = 1000
AT_ONCE = 250
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@attrs.frozen
class CSVColumns:
    """The columns of a CSV file.

    With `rest`, a last column `_rest` takes as JSON what a row has beyond `names`, so that nothing
    is lost that a sample did not show. With `quote_formulas`, a text that a spreadsheet would take
    for a formula gets a `'` in front.
    """

    names: tuple[str, ...]
    rest: bool = False
    quote_formulas: bool = False

    def header(self) -> bytes:
        """Return the first line."""
        names = [*self.names, REST] if self.rest else self.names
        return _records([[self._cell(name) for name in names]])

    def records(self, rows: Sequence[bytes]) -> bytes:
        """Return rows as records: UTF-8, CRLF, quoted where needed (RFC 4180)."""
        return _records([self._record(flat(row)) for row in rows])

    def _record(self, cells: dict[str, Any]) -> list[str]:
        record = [self._cell(cells.pop(name, None)) for name in self.names]
        if self.rest:
            beyond = {name: cell for name, cell in cells.items() if cell is not None}
            record.append(dump(beyond).decode() if beyond else "")
        return record

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            return dump(value).decode()
        return f"'{value}" if self.quote_formulas and value.startswith(FORMULA) else value


def _records(records: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(records)
    # A lone surrogate, which JSON can carry and UTF-8 cannot, is written as JSON writes it.
    return text.getvalue().encode("utf-8", "backslashreplace")


@attrs.define
class CSVEncoder:
    """Rows as CSV; columns that were not chosen are those of the first `waits_for` rows."""

    chosen: tuple[str, ...] | None = None
    quote_formulas: bool = False
    waits_for: int = attrs.field(init=False)
    _known: CSVColumns | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.waits_for = SAMPLE if self.chosen is None else 0

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns, once they are known."""
        return None if self._known is None else self._known.names

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Go on with the columns of a checkpoint."""
        if columns is not None:
            self._known = self._with(columns)

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield rows as records, the header in front of the first."""
        if self._known is None:
            names = columns_of(rows[:SAMPLE]) if self.chosen is None else self.chosen
            self._known = self._with(names)
        if first:
            yield self._known.header()
        for start in range(0, len(rows), AT_ONCE):
            yield self._known.records(rows[start : start + AT_ONCE])

    def _with(self, names: tuple[str, ...]) -> CSVColumns:
        return CSVColumns(names, rest=self.chosen is None, quote_formulas=self.quote_formulas)
