"""Rows as flat records: which columns they have, and what goes into each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from posthog_env_async.converter import load

__all__ = ["VALUE", "columns_of", "fields_of", "flat"]

VALUE = "value"


def fields_of(row: bytes) -> Mapping[str, Any]:
    """Return the fields of a row; a row that is not an object has the one field `value`."""
    fields = load(row)
    return cast("Mapping[str, Any]", fields) if isinstance(fields, dict) else {VALUE: fields}


def flat(row: bytes) -> dict[str, Any]:
    """Return a row's cells by column.

    A field is a column; a field that holds an object is a column for each of its keys,
    `properties.email`. One level only: what lies deeper, and every list, stays one cell of JSON.
    """
    cells = dict[str, Any]()
    for name, value in fields_of(row).items():
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            cells.update({f"{name}.{key}": cell for key, cell in inner.items()})
        else:
            cells[name] = value
    return cells


def columns_of(rows: Iterable[bytes], most: int) -> tuple[tuple[str, ...], int]:
    """Return the columns of some rows, and how many there would be without the bound.

    Fields in the server's order, each with its keys, sorted. Above `most` only the most frequent.
    """
    counts = Counter[str]()
    groups = dict[str, set[str]]()
    for row in rows:
        for name in flat(row):
            counts[name] += 1
            groups.setdefault(name.partition(".")[0], set()).add(name)
    kept = {name for name, _ in counts.most_common(most)}
    names = (name for group in groups.values() for name in sorted(group & kept))
    return tuple(names), len(counts)
