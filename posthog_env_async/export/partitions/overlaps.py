"""Which ranges share rows: the proof that files of partitions are one listing without a gap.

A range holds every row that existed throughout between its first and its last, and rows keep their
order. So two neighbours that share a row which has not moved are one range, and a chain of such
from the first row of the listing to its last misses nothing, in whatever order and whenever its
links were read. A row that shows another time of creation has moved, as merged persons do; and as
a few rows may have moved before their times did, five are asked for, at the later one's front.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self
from uuid import UUID

import attrs

from posthog_env_async.converter import BYTES_ROWS
from posthog_env_async.export.files.paths import Target
from posthog_env_async.export.formats.compression import opened
from posthog_env_async.pagination import milliseconds

__all__ = ["WITNESSES", "OverlapGraph", "Owner", "RowIndex", "Segment", "doubled"]

CACHE_KB = 256 << 10
WITNESSES = 5


class Owner(NamedTuple):
    """The segment that has a person, and whether its row shows the same time of creation."""

    segment: int
    is_unmoved: bool


@attrs.define
class Segment:
    """A contiguous range of rows: in a file, or few enough to be held in `rows`.

    `ended` says that the listing ended behind it; `doubled` are the places of rows that another
    segment has.
    """

    ended: bool
    path: Path | None = None
    rows: list[bytes] = attrs.field(factory=list[bytes], repr=False)
    count: int = 0
    doubled: set[int] = attrs.field(factory=set[int], repr=False)

    def lines(self) -> Iterator[bytes]:
        """Read the rows one by one."""
        return iter(self.rows) if self.path is None else _lines(self.path)


def _lines(path: Path) -> Iterator[bytes]:
    with opened(path, Target.parse(path).compression) as file:
        for line in file:
            yield line.rstrip(b"\n")


@attrs.define(eq=False)
class RowIndex:
    """Which segment has a person first; kept in a temporary file, so memory is bounded."""

    _database: sqlite3.Connection = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        self._database.execute(
            "CREATE TABLE keys (key PRIMARY KEY, segment, created) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def owner(self, row: bytes) -> Owner | None:
        """Return the segment that has the person of a row."""
        text = "SELECT segment, created FROM keys WHERE key = ?"
        found = self._database.execute(text, (_key(row),)).fetchone()
        return None if found is None else Owner(found[0], found[1] == _created(row))

    def add(self, row: bytes, segment: int) -> Owner | None:
        """Give a row to a segment, unless one has it: then return that one."""
        text = "INSERT OR IGNORE INTO keys VALUES (?, ?, ?)"
        if self._database.execute(text, (_key(row), segment, _created(row))).rowcount:
            return None
        return self.owner(row)


def _created(row: bytes) -> int | None:
    return milliseconds(BYTES_ROWS.stamp(row))


def _key(row: bytes) -> bytes | str:
    key = BYTES_ROWS.key(row)
    try:
        return UUID(key).bytes
    except ValueError:
        return key


@attrs.define
class OverlapGraph:
    """Segments that are one because they share rows; segment 0 begins the listing.

    The first `ranges` were planned, each the neighbour of the next; those behind them were read to
    close gaps.
    """

    keys: RowIndex
    ranges: int = 0
    segments: list[Segment] = attrs.field(factory=list[Segment])
    _parent: list[int] = attrs.field(factory=list[int], init=False)

    def add(self, segment: Segment) -> int:
        """Take a segment, note its doubled rows, and join it to those that have them."""
        number = len(self.segments)
        self.segments.append(segment)
        self._parent.append(number)
        shared = dict[int, list[int]]()
        for place, row in enumerate(segment.lines()):
            segment.count = place + 1
            owner = self.keys.add(row, number)
            if owner is not None:
                segment.doubled.add(place)
                if owner.is_unmoved:
                    shared.setdefault(owner.segment, []).append(place)
        for owner_number, places in shared.items():
            if self._may_join(owner_number, number, places):
                self.join(owner_number, number)
        return number

    def _may_join(self, one: int, other: int, places: list[int]) -> bool:
        """Whether two segments are neighbours whose shared rows stand where the later one begins.

        Or one of them was read to lie between others; then the shared rows only have to be enough.
        """
        if len(places) < WITNESSES:
            return False
        if other >= self.ranges:
            return True
        in_front = sum(place < 2 * len(places) + WITNESSES for place in places)
        return other - one == 1 and in_front >= WITNESSES

    def join(self, one: int, other: int) -> None:
        """Make two segments one."""
        self._parent[self._root(one)] = self._root(other)

    def with_first(self) -> list[int]:
        """Return the segments that are one with the first."""
        root = self._root(0)
        return [number for number in range(len(self.segments)) if self._root(number) == root]

    def is_reached(self, row: bytes) -> bool | None:
        """Whether a row's segment is one with the first; `None` where none has it."""
        owner = self.keys.owner(row)
        if owner is None or not owner.is_unmoved:
            return None
        return self._root(owner.segment) == self._root(0)

    def next_to(self, rows: Iterable[bytes]) -> bool:
        """Whether rows show that they reach into a segment that is not one with the first."""
        owners = filter(None, map(self.keys.owner, rows))
        others = Counter([owner.segment for owner in owners if owner.is_unmoved])
        return any(
            count >= WITNESSES and self._root(number) != self._root(0)
            for number, count in others.items()
        )

    @property
    def is_whole(self) -> bool:
        """Whether the first segment is one with a segment behind which the listing ended.

        The end of a planned range is none while a later one has rows of its own: behind it is then
        looked once more, since a server may deny rows that it has.
        """
        reached = self.with_first()
        ends = [number for number in reached if self.segments[number].ended]
        apart = {number for number in range(self.ranges) if self._has_own(number)}.difference(
            reached
        )
        last = max(apart, default=-1)
        return any(number >= self.ranges or number > last for number in ends)

    def _has_own(self, number: int) -> bool:
        segment = self.segments[number]
        return segment.count > len(segment.doubled)

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = number = self._parent[self._parent[number]]
        return number


def doubled(segments: Iterable[Segment]) -> int:
    """Return how many rows are dropped because another segment has them."""
    return sum(len(segment.doubled) for segment in segments)
