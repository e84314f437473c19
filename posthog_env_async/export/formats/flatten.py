"""Rows as flat records: which columns they have, and what goes into each."""

from collections.abc import Iterable
from typing import Any, cast

from posthog_env_async.converter import load

__all__ = ["VALUE", "columns_of", "flat"]

VALUE = "value"


def flat(row: bytes) -> dict[str, Any]:
    """Return a row's cells by column.

    A field is a column; a field that holds an object is a column for each of its keys,
    `properties.email`. One level only: what lies deeper, and every list, stays one cell of JSON. A
    row that is no object has the one column `value`.
    """
    fields = load(row)
    if not isinstance(fields, dict):
        return {VALUE: fields}
    cells = dict[str, Any]()
    for name, value in cast("dict[str, Any]", fields).items():
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            cells.update({f"{name}.{key}": cell for key, cell in inner.items()})
        else:
            cells[name] = value
    return cells


def columns_of(rows: Iterable[bytes]) -> tuple[str, ...]:
    """Return the columns of some rows: fields in the server's order, each with its keys, sorted."""
    groups = dict[str, set[str]]()
    for row in rows:
        for name in flat(row):
            groups.setdefault(name.partition(".")[0], set()).add(name)
    return tuple(name for group in groups.values() for name in sorted(group))
