"""Where each row stands: those of the start by arithmetic, those that came later in a list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

import attrs

__all__ = ["Extra", "RowOrder"]

Extra = tuple[int, int, int, int]
"""The ordinal in front of which a row stands, what sorts it there, and its number."""


@attrs.define
class RowOrder:
    """Keep the order of rows; the key of an added one is below zero."""

    total: int
    tie: int
    _deleted: list[int] = attrs.field(factory=list[int], init=False)
    _gone: set[int] = attrs.field(factory=set[int], init=False)
    _extras: list[Extra] = attrs.field(factory=list[Extra], init=False)
    _by_number: dict[int, Extra] = attrs.field(factory=dict[int, Extra], init=False)

    def __len__(self) -> int:
        return self.total - len(self._deleted) + len(self._extras)

    def __copy__(self) -> RowOrder:
        kept = RowOrder(self.total, self.tie)
        kept._deleted, kept._gone = list(self._deleted), set(self._gone)
        kept._extras, kept._by_number = list(self._extras), dict(self._by_number)
        return kept

    def keys(self, offset: int, count: int) -> Sequence[int]:
        """Give the keys of `count` rows from an offset on."""
        end = min(offset + count, len(self))
        if offset >= end:
            return ()
        low = self._extras_before(offset)
        high = self._extras_before(end)
        keys = self._base_keys(offset - low, end - high)
        if low == high:
            return keys
        merged: list[int] = []
        taken = 0
        for index in range(low, high):
            upto = taken + self._position(index) - offset - len(merged)
            merged.extend(keys[taken:upto])
            merged.append(-1 - self._extras[index][3])
            taken = upto
        merged.extend(keys[taken:])
        return merged

    def holds(self, key: int) -> bool:
        """Tell whether a row is there."""
        known = -1 - key in self._by_number if key < 0 else key < self.total
        return known and key not in self._gone

    def created(self, key: int) -> int:
        """Give the time of an added row."""
        return -self._by_number[-1 - key][1]

    def added(self) -> list[int]:
        """Give the keys of the added rows that are there, in order."""
        return [-1 - extra[3] for extra in self._extras]

    def add(self, extra: Extra) -> None:
        """Add a row."""
        insort(self._extras, extra)
        self._by_number[extra[3]] = extra

    def remove(self, key: int) -> None:
        """Remove a row that is there."""
        self._gone.add(key)
        if key >= 0:
            insort(self._deleted, key)
        else:
            del self._extras[bisect_left(self._extras, self._by_number[-1 - key])]

    def anchor(self, index: int) -> int:
        """Give the ordinal in front of which a row near an index stands: where a tie begins."""
        if index <= 0:
            return 0
        if index >= len(self):
            return self.total
        base = self._base_ordinal(index - self._extras_before(index))
        return base - base % self.tie

    def _position(self, index: int) -> int:
        anchor = self._extras[index][0]
        return index + anchor - bisect_left(self._deleted, anchor)

    def _extras_before(self, offset: int) -> int:
        return bisect_left(range(len(self._extras)), offset, key=self._position)

    def _base_ordinal(self, index: int) -> int:
        deleted = self._deleted
        return index + bisect_right(range(len(deleted)), index, key=lambda at: deleted[at] - at)

    def _base_keys(self, start: int, end: int) -> Sequence[int]:
        if start >= end:
            return ()
        first, last = self._base_ordinal(start), self._base_ordinal(end - 1)
        if last - first == end - 1 - start:
            return range(first, last + 1)
        gone = self._gone
        return [ordinal for ordinal in range(first, last + 1) if ordinal not in gone]
