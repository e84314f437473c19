"""NDJSON: every row as the server sent it, one a line."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from operator import contains

import attrs

from .encoder import slices

__all__ = ["NDJSONEncoder", "ndjson"]


def ndjson(rows: Sequence[bytes]) -> bytes:
    """Return rows as lines, byte for byte.

    Only a line break inside a row, which JSON allows between its tokens, becomes a space.
    """
    text = b"\n".join([*rows, b""])
    if b"\r" not in text and not any(map(contains, rows, repeat(b"\n"))):
        return text
    return b"".join(row.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n" for row in rows)


@attrs.define
class NDJSONEncoder:
    """Rows as NDJSON, from the first one on."""

    waits_for: int = 0
    columns: tuple[str, ...] | None = None

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Do nothing: NDJSON has no columns."""

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield rows as lines."""
        return map(ndjson, slices(rows))
