"""Values that a command takes from its words, from a file or from stdin: one a line."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from posthog_env_async.errors import ConfigurationError

__all__ = ["check_stdin", "values_from"]

BYTE_ORDER_MARK = "\ufeff"


def values_from(words: tuple[str, ...], file: str | None, by: str) -> Iterator[str]:
    """Yield the values of the words and of a file; `-` is stdin.

    A line is a value, or a person as NDJSON, of whom the value is taken that `by` names; of a
    `.csv` it is the column that `by` names.

    Raises:
        ConfigurationError: when there are none, or the file cannot be read; never quotes it.
    """
    if not words and file is None:
        raise ConfigurationError("name values, or give --from FILE (- for stdin)")
    yield from words
    if file is not None:
        yield from _values_in(file, by)


def check_stdin(file: str | None, key_file: str | None) -> None:
    """Check that stdin is not to be read twice.

    Raises:
        ConfigurationError: when both the key and the values are to come from it.
    """
    if file == key_file == "-":
        raise ConfigurationError("--from - and --key-file - cannot both read stdin")


def _values_in(name: str, by: str) -> Iterator[str]:
    try:
        if name == "-":
            yield from _lines(sys.stdin, by)
            return
        with Path(name).open(encoding="utf-8-sig", newline="") as file:
            yield from _column(file, by) if name.lower().endswith(".csv") else _lines(file, by)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"--from: cannot read {name}: {reason}") from None


def _lines(file: TextIO, by: str) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        text = line.strip().removeprefix(BYTE_ORDER_MARK)
        if text.startswith("{"):
            yield _value_of(text, by, number)
        elif text:
            yield text


def _column(file: TextIO, by: str) -> Iterator[str]:
    rows = csv.DictReader(file)
    names = (by, f"properties.{by}", f"{by}s")
    column = next((name for name in names if name in (rows.fieldnames or ())), None)
    if column is None:
        raise ConfigurationError(f"--from: the file has no column {by!r} or 'properties.{by}'")
    yield from (row[column] for row in rows if row[column])


def _value_of(line: str, by: str, number: int) -> str:
    try:
        value = _field_of(json.loads(line), by)
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise ConfigurationError(f"--from: line {number} is JSON without {by!r}")
    return value


def _field_of(row: dict[str, Any], by: str) -> Any:
    if by == "email":
        properties: dict[str, Any] = row.get("properties") or {}
        return row.get("email") or properties.get("email")
    if by == "distinct_id":
        ids: list[Any] = row.get("distinct_ids") or [None]
        return row.get("distinct_id") or ids[0]
    return row.get(by)
