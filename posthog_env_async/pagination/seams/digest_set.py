"""A set of 64-bit digests that takes few bytes a row: all rows that a run ever handed out."""

import sys
from array import array
from collections.abc import Iterator, Sequence

import attrs

__all__ = ["MOST_ROWS_REMEMBERED", "DigestSet"]

MOST_ROWS_REMEMBERED = 16_000_000
"""Rows that a run remembers for certain, at 24 bytes each at most."""

RECENT = 1 << 16
BUCKET_BITS = 14
SHIFT = 64 - BUCKET_BITS
FIRST_SLOTS = 1 << 16
FAST_GROWTH = 1 << 20
SLOTS_A_ROW = 4


@attrs.define
class DigestSet:
    """Digests: the latest in plain sets, the others in arrays, sorted by their first bits.

    An array costs 8 bytes a row. A table of bytes says quickly that a digest is in none of them,
    and says so for nearly all that are not. Past `most` rows the oldest that are still in the plain
    sets are forgotten; `forgotten` counts them.
    """

    most: int = MOST_ROWS_REMEMBERED
    forgotten: int = attrs.field(default=0, init=False)
    _young: set[int] = attrs.field(factory=set[int], init=False)
    _old: set[int] = attrs.field(factory=set[int], init=False)
    _buckets: list["array[int]"] = attrs.field(factory=list["array[int]"], init=False)
    _stored: int = attrs.field(default=0, init=False)
    _table: bytearray = attrs.field(factory=bytearray, init=False)

    def __len__(self) -> int:
        return self._stored + len(self._old) + len(self._young)

    def __contains__(self, digest: int) -> bool:
        return digest in self._young or digest in self._old or self._is_stored(digest)

    def add(self, digests: Sequence[int]) -> None:
        """Remember digests."""
        self._young.update(digests)
        if len(self._young) >= RECENT:
            self._age()

    def places(self, digests: Sequence[int]) -> list[int]:
        """Return the places of the digests that are remembered."""
        young, old = self._young, self._old
        if not self._stored:
            known = 0
            while known < len(digests) and (digests[known] in young or digests[known] in old):
                known += 1
            rest = digests[known:]
            if young.isdisjoint(rest) and old.isdisjoint(rest):
                return list(range(known))
            return [
                place for place, digest in enumerate(digests) if digest in young or digest in old
            ]
        table, mask = self._table, len(self._table) - 1
        return [
            place
            for place, digest in enumerate(digests)
            if digest in young
            or digest in old
            or (table[digest & mask] and self._is_stored(digest))
        ]

    def _age(self) -> None:
        if self._stored + len(self._old) <= self.most:
            self._store(self._old)
        else:
            self.forgotten += len(self._old)
        self._old, self._young = self._young, set()

    def _is_stored(self, digest: int) -> bool:
        if not self._stored or not self._table[digest & (len(self._table) - 1)]:
            return False
        # Looked for as bytes: many times quicker than number by number.
        text = digest.to_bytes(8, sys.byteorder, signed=True)
        return text in self._buckets[digest >> SHIFT].tobytes()

    def _store(self, digests: set[int]) -> None:
        if not digests:
            return
        if not self._buckets:
            self._buckets = [array("q") for _ in range(1 << BUCKET_BITS)]
        self._make_room(len(digests))
        table, mask = self._table, len(self._table) - 1
        appends = [bucket.append for bucket in self._buckets]
        for digest in digests:
            table[digest & mask] = 1
            appends[digest >> SHIFT](digest)
        self._stored += len(digests)

    def _make_room(self, more: int) -> None:
        slots = len(self._table) or FIRST_SLOTS
        while (self._stored + more) * SLOTS_A_ROW > slots:
            slots *= 4 if slots < FAST_GROWTH else 2
        if slots == len(self._table):
            return
        self._table = table = bytearray(slots)
        mask = slots - 1
        for digest in self._all_stored():
            table[digest & mask] = 1

    def _all_stored(self) -> Iterator[int]:
        for bucket in self._buckets:
            yield from bucket
