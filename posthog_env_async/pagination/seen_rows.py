"""The memory that proves a page joins what was read before: pure, and bounded.

Rows keep their order for as long as they exist. So when a page holds a row that was seen before,
every row between that one and the page's end is in the page, and every row before it was seen.
docs/design.md has the whole argument.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice

import attrs

from .resume_token import digest

__all__ = ["Seen", "moment"]

Stamp = Callable[[int], str | None]


@attrs.define
class Seen:
    """The keys of the last rows that were read, in order: of `capacity` at least, of twice at most.

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
    _young: set[str] = attrs.field(factory=set[str], init=False)
    _old: set[str] = attrs.field(factory=set[str], init=False)
    _pages: deque[Sequence[str]] = attrs.field(factory=deque[Sequence[str]], init=False)
    _young_pages: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._tail, self._loose = frozenset(self.tail), frozenset(self.loose)

    @property
    def is_empty(self) -> bool:
        """Whether no row was seen yet."""
        return not self._young and not self._old and not self.tail and not self.loose

    def knows(self, key: str) -> bool:
        """Whether a row was seen."""
        return self.proves(key) or (bool(self._loose) and digest(key) in self._loose)

    def proves(self, key: str) -> bool:
        """Whether a row was seen, and so was every row before it."""
        if key in self._young or key in self._old:
            return True
        return bool(self._tail) and digest(key) in self._tail

    def first_proof(self, keys: Sequence[str]) -> int | None:
        """Return the place of the first row that proves that nothing before it was missed."""
        return next((place for place, key in enumerate(keys) if self.proves(key)), None)

    def fresh(self, keys: Sequence[str], stamp: Stamp, frontier: int | None) -> Sequence[int]:
        """Return the places of the rows to yield.

        A row before the first proof is behind what was read, so it was yielded and forgotten, or is
        new; unless it may have changed places with the row at the `frontier`, given as a moment.
        """
        places = self._rest(keys)
        if places is not None:
            return places
        first = self.first_proof(keys) or 0
        found: dict[str, int] = {}
        for place, key in enumerate(keys):
            behind = place < first and (frontier is None or moment(stamp(place)) != frontier)
            if not behind and not self.knows(key):
                found.setdefault(key, place)
        return list(found.values())

    def _rest(self, keys: Sequence[str]) -> range | None:
        """Return the places behind the known rows where a page is known rows and then new ones.

        So is nearly every page: this costs a few passes that Python makes at once.
        """
        if self._tail or self._loose:
            return None
        known = next((n for n, key in enumerate(keys) if not self.proves(key)), len(keys))
        if not known and keys and not self.is_empty:
            return None
        rest = set(keys[known:])
        is_new = rest.isdisjoint(self._young) and rest.isdisjoint(self._old)
        return range(known, len(keys)) if is_new and len(rest) == len(keys) - known else None

    def remember(self, keys: Sequence[str]) -> None:
        """Remember a page's rows in the server's order; now and then forget the oldest."""
        if not keys:
            return
        if len(self._young) >= self.capacity:
            self._forget_old()
        self._pages.append(keys)
        self._young.update(keys)
        self._young_pages += 1

    def _forget_old(self) -> None:
        self.whole = self.whole and not self._old
        self._old, self._young = self._young, set()
        if not self.whole:
            self.tail, self._tail = (), frozenset()
            self.loose, self._loose = (), frozenset()
        while len(self._pages) > self._young_pages:
            self._pages.popleft()
        self._young_pages = 0

    def last(self, count: int, *, without: Collection[str] = ()) -> tuple[bytes, ...]:
        """Return digests of the `count` rows nearest to the end, the last first."""
        own = [digest(key) for key in islice(self._backwards(without), count)]
        return (*own, *self.tail[: count - len(own)])

    def _backwards(self, without: Collection[str]) -> Iterator[str]:
        """Yield each row once, from the end: where it was read last."""
        passed = set(without)
        for key in chain.from_iterable(map(reversed, reversed(self._pages))):
            if key not in passed:
                passed.add(key)
                yield key

    def fits(self, count: int, *, without: Collection[str] = ()) -> bool:
        """Whether `last` gives everything that was ever seen."""
        known = len(self._young) + len(self._old)
        return self.whole and known - len(without) + len(self.tail) <= count


def moment(stamp: str | None) -> int | None:
    """Return a time as whole milliseconds: finer digits need not be part of the server's order."""
    try:
        time = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
