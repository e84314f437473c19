"""Rows on their way to the file: collected into chunks that are written at once."""

import time
from collections.abc import Callable

import attrs

from posthog_env_async.pagination import ListingReport

__all__ = ["Chunk", "Chunks", "Position"]

CHUNK = 4 << 20


@attrs.frozen
class Position:
    """Where the listing goes on, and what was done to get there."""

    token: str
    listing: ListingReport


@attrs.frozen
class Chunk:
    """Rows that are written at once, and the place behind them where it is to be kept."""

    rows: list[bytes]
    place: Position | None


@attrs.define
class Chunks:
    """Collects rows; a chunk ends with a place, or after 4 MiB. Belongs on the event loop.

    The first chunk has `sample` rows at least, from which the columns are told.
    """

    sample: int
    checkpoint_every: float
    now: Callable[[], float] = time.monotonic
    rows: int = attrs.field(default=0, init=False)
    _begun: bool = attrs.field(default=False, init=False)
    _collected: list[bytes] = attrs.field(factory=list[bytes], init=False)
    _size: int = attrs.field(default=0, init=False)
    _place: Position | None = attrs.field(default=None, init=False)
    _placed_at: float = attrs.field(init=False)
    _ready: list[Chunk] = attrs.field(factory=list[Chunk], init=False)

    def __attrs_post_init__(self) -> None:
        self._placed_at = self.now()

    def go_on(self, rows: int) -> None:
        """Count on from so many rows, whose columns are known."""
        self.rows, self._begun = rows, rows > 0

    @property
    def wants_place(self) -> bool:
        """Whether the next rows should come with a place: the first ones, and now and then."""
        return not self._begun or self.now() - self._placed_at >= self.checkpoint_every

    def add(self, rows: list[bytes], place: Position | None = None) -> None:
        """Take rows that were read, and the place behind them."""
        self.rows += len(rows)
        self._collected += rows
        self._size += sum(map(len, rows))
        self._place = place
        lacks_sample = not self._begun and len(self._collected) < self.sample
        if not lacks_sample and (place is not None or self._size >= CHUNK):
            self._close()

    def _close(self) -> None:
        self._begun = True
        self._ready.append(Chunk(self._collected, self._place))
        if self._place is not None:
            self._placed_at = self.now()
        self._collected, self._size, self._place = [], 0, None

    @property
    def has_some(self) -> bool:
        """Whether a chunk has ended."""
        return bool(self._ready)

    def take(self, *, is_last: bool = False) -> list[Chunk]:
        """Return the chunks that have ended; the last one ends whatever its sample."""
        if is_last and self._place is not None:
            self._close()
        taken, self._ready = self._ready, []
        return taken
