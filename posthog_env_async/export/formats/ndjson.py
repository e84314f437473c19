"""NDJSON: every row as the server sent it, one a line."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import attrs

__all__ = ["NDJSONEncoder"]


@attrs.define
class NDJSONEncoder:
    """Rows as NDJSON, from the first one on."""

    waits_for: int = 0
    columns: tuple[str, ...] | None = None

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Do nothing: NDJSON has no columns."""

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield rows, which have no line break inside, and the ends of their lines."""
        return chain.from_iterable(zip(rows, repeat(b"\n")))
