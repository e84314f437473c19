"""A set of 64-bit digests that takes few bytes a row: all rows that a run ever handed out."""

import sys
from array import array
from collections.abc import Sequence
from itertools import islice

import attrs

__all__ = ["MOST_ROWS_REMEMBERED", "DigestSet"]

MOST_ROWS_REMEMBERED = 16_000_000
"""Rows that a run remembers for certain, at 24 bytes each at most."""

RECENT = 1 << 17
BUCKET_BITS = 12
SHIFT = 64 - BUCKET_BITS
FIRST_SLOTS = 1 << 19
SLOTS_A_ROW = 3
DRAINED_A_ROW = 1
FLAGS = (1, 2, 4, 8, 16, 32, 64, 128)
FLAG_MASK = 7


@attrs.define
class DigestSet:
    """Digests: the first ones in a plain set, all others in arrays, sorted by their first bits.

    An array costs 8 bytes a row. A table of flags says quickly that a digest is in none of them,
    and says so for nearly all that are not. The plain set is moved to the arrays a page at a time,
    so that none waits for all. Past `most` rows there are two plain sets again, of which the older
    is forgotten when the younger is full; `forgotten` counts its digests.
    """

    most: int = MOST_ROWS_REMEMBERED
    forgotten: int = attrs.field(default=0, init=False)
    _young: set[int] = attrs.field(factory=set[int], init=False)
    _old: set[int] = attrs.field(factory=set[int], init=False)
    _buckets: list["array[int]"] = attrs.field(factory=list["array[int]"], init=False)
    _stored: int = attrs.field(default=0, init=False)
    _is_storing: bool = attrs.field(default=False, init=False)
    _table: bytearray = attrs.field(factory=bytearray, init=False)

    def __len__(self) -> int:
        """Return how many there are; one that was added again may count twice."""
        return self._stored + len(self._old) + len(self._young)

    def __contains__(self, digest: int) -> bool:
        return digest in self._young or digest in self._old or self._is_stored(digest)

    def add(self, digests: Sequence[int]) -> None:
        """Remember digests."""
        if self._is_storing:
            self._store(digests)
            self._drain(DRAINED_A_ROW * len(digests))
        else:
            self._young.update(digests)
        if len(self._young) >= RECENT:
            self._age()
        self._is_storing = self._is_storing and len(self) < self.most

    def places(self, digests: Sequence[int]) -> list[int]:
        """Return the places of the digests that are remembered."""
        known, length = 0, len(digests)
        while known < length and digests[known] in self:
            known += 1
        # Nearly every page is some known rows and then new ones: a few passes tell.
        if known == length or self._has_none_of(digests[known:]):
            return list(range(known))
        rest = [place for place in range(known + 1, length) if digests[place] in self]
        return [*range(known), *rest]

    def _has_none_of(self, digests: Sequence[int]) -> bool:
        for plain in (self._young, self._old):
            if plain and not plain.isdisjoint(digests):
                return False
        if not self._stored:
            return True
        table, mask = self._table, len(self._table) - 1
        flagged = [
            name for name in digests if table[name & mask] & FLAGS[name >> SHIFT & FLAG_MASK]
        ]
        return not any(map(self._is_stored, flagged))

    def _age(self) -> None:
        self.forgotten += len(self._old)
        self._old, self._young = self._young, set()
        self._is_storing = len(self) < self.most

    def _is_stored(self, digest: int) -> bool:
        if not self._stored:
            return False
        flags = self._table[digest & (len(self._table) - 1)]
        if not flags & FLAGS[digest >> SHIFT & FLAG_MASK]:
            return False
        # Looked for as bytes: many times quicker than number by number.
        text = digest.to_bytes(8, sys.byteorder, signed=True)
        return text in self._buckets[digest >> SHIFT].tobytes()

    def _drain(self, count: int) -> None:
        """Move so many digests from the plain set to the arrays, or all that are left."""
        if self._old:
            drained = list(islice(self._old, count))
            self._old.difference_update(drained)
            self._store(drained)

    def _store(self, digests: Sequence[int]) -> None:
        """Put digests into the arrays."""
        if not self._buckets:
            self._buckets = [array("q") for _ in range(1 << BUCKET_BITS)]
        self._make_room(len(digests))
        table, mask, buckets = self._table, len(self._table) - 1, self._buckets
        for digest in digests:
            number = digest >> SHIFT
            table[digest & mask] |= FLAGS[number & FLAG_MASK]
            buckets[number].append(digest)
        self._stored += len(digests)

    def _make_room(self, more: int) -> None:
        """Let the table grow by copies of itself: a flag too many only costs a look at an array."""
        self._table = self._table or bytearray(FIRST_SLOTS)
        while (self._stored + more) * SLOTS_A_ROW > len(self._table):
            self._table = self._table * 2
