"""Rows on their way to the file: collected into chunks that are written at once."""

import time

import attrs

from posthog_env_async.pagination import ListingReport

__all__ = ["Chunk", "Position", "RowBuffer"]


@attrs.frozen
class Position:
    """Where the listing goes on, and what all runs did to get there."""

    token: str
    listing: ListingReport


@attrs.frozen
class Chunk:
    """Rows that are written at once, and the position behind them where it is to be kept."""

    rows: list[bytes] = attrs.field(repr=False)
    position: Position | None


@attrs.define
class RowBuffer:
    """Collects rows; a chunk ends with a position or at its size. Belongs on the event loop.

    The first chunk has at least `sample_size` rows, from which the columns are known. `ready` are
    the chunks that have ended.
    """

    sample_size: int
    checkpoint_every: float
    chunk_bytes: int = 4 << 20
    rows: int = attrs.field(default=0, init=False)
    ready: list[Chunk] = attrs.field(factory=list[Chunk], init=False)
    _begun: bool = attrs.field(default=False, init=False)
    _collected: list[bytes] = attrs.field(factory=list[bytes], init=False, repr=False)
    _size: int = attrs.field(default=0, init=False)
    _position: Position | None = attrs.field(default=None, init=False)
    _positioned_at: float = attrs.field(factory=time.monotonic, init=False)

    def resume(self, rows: int) -> None:
        """Count on from so many rows, whose columns are known."""
        self.rows, self._begun = rows, rows > 0

    @property
    def wants_position(self) -> bool:
        """Whether a position should follow the next rows: the first ones, and now and then."""
        return not self._begun or time.monotonic() - self._positioned_at >= self.checkpoint_every

    def add(self, rows: list[bytes], position: Position | None = None) -> None:
        """Take rows that were read, and the position behind them."""
        self.rows += len(rows)
        self._collected += rows
        self._size += sum(map(len, rows))
        self._position = position
        lacks_sample = not self._begun and len(self._collected) < self.sample_size
        if not lacks_sample and (position is not None or self._size >= self.chunk_bytes):
            self._close()

    def _close(self) -> None:
        self._begun = True
        self.ready.append(Chunk(self._collected, self._position))
        if self._position is not None:
            self._positioned_at = time.monotonic()
        self._collected, self._size, self._position = [], 0, None

    def take(self, *, is_last: bool = False) -> list[Chunk]:
        """Return the chunks that have ended; the last one ends whatever its sample."""
        if is_last and self._position is not None:
            self._close()
        taken, self.ready = self.ready, []
        return taken
