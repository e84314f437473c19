"""The memory that proves a page joins what was read before: pure, and bounded.

Rows keep their order for as long as they exist. So when a page holds a row that was seen before,
every row between that one and the page's end is in the page, and every row before it was seen.
docs/design.md has the whole argument.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, repeat

import attrs

from .token import digest

__all__ = ["Seen", "moment"]

Stamp = Callable[[int], str | None]


@attrs.define
class Seen:
    """The keys of the last rows that were read, in order, and at most `capacity` or so of them.

    `whole` is true while nothing was forgotten. `tail` and `loose` are digests of rows that an
    earlier run yielded, known to this one from its token; a loose one proves nothing, since rows
    that may
    change places with it were not yielded yet.
    """

    capacity: int
    whole: bool = True
    tail: tuple[bytes, ...] = ()
    loose: tuple[bytes, ...] = ()
    _tail: frozenset[bytes] = attrs.field(init=False)
    _loose: frozenset[bytes] = attrs.field(init=False)
    _latest: dict[str, int] = attrs.field(factory=dict[str, int], init=False)
    _pages: deque[tuple[int, Sequence[str]]] = attrs.field(
        factory=deque[tuple[int, Sequence[str]]], init=False
    )
    _read: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._tail, self._loose = frozenset(self.tail), frozenset(self.loose)

    @property
    def is_empty(self) -> bool:
        """Whether no row was seen yet."""
        return not self._latest and not self.tail and not self.loose

    def knows(self, key: str) -> bool:
        """Whether a row was seen."""
        return self.proves(key) or (bool(self._loose) and digest(key) in self._loose)

    def proves(self, key: str) -> bool:
        """Whether a row was seen, and so was every row before it."""
        return key in self._latest or (bool(self._tail) and digest(key) in self._tail)

    def first_proof(self, keys: Sequence[str]) -> int | None:
        """Return the place of the first row that proves that nothing before it was missed."""
        return next((place for place, key in enumerate(keys) if self.proves(key)), None)

    def fresh(self, keys: Sequence[str], stamp: Stamp, frontier: int | None) -> list[int]:
        """Return the places of the rows to yield.

        A row before the first proof is behind what was read, so it was yielded and forgotten, or is
        new; unless it may have changed places with the row at the `frontier`, given as a moment.
        """
        first = self.first_proof(keys) or 0
        places: dict[str, int] = {}
        for place, key in enumerate(keys):
            behind = place < first and (frontier is None or moment(stamp(place)) != frontier)
            if not behind and not self.knows(key):
                places.setdefault(key, place)
        return list(places.values())

    def remember(self, keys: Sequence[str]) -> None:
        """Remember a page's rows in the server's order; beyond capacity forget the oldest page."""
        if not keys:
            return
        self._read += 1
        self._pages.append((self._read, keys))
        self._latest.update(zip(keys, repeat(self._read)))
        while len(self._pages) > 1 and len(self._latest) - len(self._pages[0][1]) >= self.capacity:
            read, oldest = self._pages.popleft()
            for key in oldest:
                if self._latest.get(key) == read:
                    del self._latest[key]
            self.whole = False
            self.tail, self._tail = (), frozenset()
            self.loose, self._loose = (), frozenset()

    def last(self, count: int, *, without: Collection[str] = ()) -> tuple[bytes, ...]:
        """Return digests of the `count` rows nearest to the end, the last first."""
        keys = (key for read, page in reversed(self._pages) for key in self._only(read, page))
        own = [digest(key) for key in islice((key for key in keys if key not in without), count)]
        return (*own, *self.tail[: count - len(own)])

    def _only(self, read: int, page: Sequence[str]) -> Iterator[str]:
        return (key for key in reversed(page) if self._latest.get(key) == read)

    def fits(self, count: int, *, without: Collection[str] = ()) -> bool:
        """Whether `last` gives everything that was ever seen."""
        return self.whole and len(self._latest) - len(without) + len(self.tail) <= count


def moment(stamp: str | None) -> int | None:
    """Return a time as whole milliseconds: finer digits need not be part of the server's order."""
    try:
        time = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
