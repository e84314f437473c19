"""What a format has to do: turn rows into bytes, piece by piece."""

from collections.abc import Iterator, Sequence
from typing import Protocol

__all__ = ["Encoder"]


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
        """Yield the text of rows, each of them one line of JSON, in pieces.

        Before the first ones, what stands at the head of the file.
        """
        ...
