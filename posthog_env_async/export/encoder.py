"""What a format has to do: turn rows into bytes, piece by piece."""

from collections.abc import Iterator, Sequence
from typing import Protocol

__all__ = ["Encoder", "slices"]

AT_ONCE = 256


def slices(rows: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield rows in slices that are small enough for their text to stay in the cache."""
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


class Encoder(Protocol):
    """How rows become the bytes of a format."""

    @property
    def waits_for(self) -> int:
        """How many rows have to be there before the first are written."""
        ...

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns, once they are known: they are kept in the checkpoint."""
        ...

    def begin(self, columns: tuple[str, ...] | None) -> None:
        """Go on with the columns of a checkpoint."""
        ...

    def encode(self, rows: Sequence[bytes], *, first: bool) -> Iterator[bytes]:
        """Yield rows as pieces of text; before the first ones, what stands at the file's head."""
        ...
