"""The persons of one project in the server's order: a million of them costs no memory."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from random import Random
from typing import Any
from uuid import UUID

import attrs

from .hashing import mix
from .identities import EXTRA_SLOT, Identities
from .row_order import RowOrder

__all__ = ["Orphans", "Population"]

Orphans = float | Collection[int]


@attrs.define
class Population:
    """Keep which persons live, and where each stands; newest first (docs/server.md, Paging).

    A key names a row: 0 and more are the persons made at the start, by ordinal; below zero are
    those inserted later.
    """

    total: int
    salt: int = 0
    tie: int = 1
    orphans: Orphans = 0.0
    ids: Identities = attrs.field(init=False)
    given: dict[int, dict[str, Any]] = attrs.field(factory=dict[int, dict[str, Any]], init=False)
    _order: RowOrder = attrs.field(init=False)
    _orphaned: set[int] = attrs.field(factory=set[int], init=False)
    _next_number: int = attrs.field(default=0, init=False)
    _mark: int = attrs.field(default=0, init=False)
    _own_uuids: dict[int, int] = attrs.field(factory=dict[int, int], init=False)
    _own_keys: dict[int, int] = attrs.field(factory=dict[int, int], init=False)
    _own_numbers: dict[int, int] = attrs.field(factory=dict[int, int], init=False)
    _numbered_keys: dict[int, int] = attrs.field(factory=dict[int, int], init=False)
    _moved_since_mark: set[int] = attrs.field(factory=set[int], init=False)

    def __attrs_post_init__(self) -> None:
        self.ids = Identities(self.total, self.salt, self.tie)
        self._order = RowOrder(self.total, self.tie)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def inserted(self) -> int:
        """Give how many persons came later; the newest has this number, negative, as key."""
        return self._next_number

    # reading

    def keys(self, offset: int, count: int) -> Sequence[int]:
        """Give the keys of `count` raw rows from an offset on, in the order of the query."""
        return self._order.keys(offset, count)

    def key_at(self, index: int) -> int:
        """Give the key of the row at an index."""
        return self.keys(index, 1)[0]

    def alive(self, key: int) -> bool:
        """Tell whether a row is there, orphans included."""
        return self._order.holds(key)

    def is_orphan(self, key: int) -> bool:
        """Tell whether ClickHouse knows the id while the person itself is gone.

        See docs/server.md, Paging.
        """
        if key in self._orphaned:
            return True
        if key < 0 or not self.orphans:
            return False
        if isinstance(self.orphans, int | float):
            return mix(self.salt ^ 0x0FF, key) < self.orphans * (1 << 64)
        return key in self.orphans

    def uuid(self, key: int) -> UUID:
        """Give the uuid of a row."""
        return UUID(int=self.uuid_number(key))

    def uuid_number(self, key: int) -> int:
        """Give the uuid of a row as an integer."""
        if key in self._own_uuids:
            return self._own_uuids[key]
        return self.ids.uuid_of(key) if key >= 0 else self.ids.extra_uuid(-1 - key)

    def created(self, key: int) -> int:
        """Give the creation time of a row in microseconds since 1970."""
        return self.ids.created(key) if key >= 0 else self._order.created(key)

    def find(self, uuid: UUID) -> int | None:
        """Find the key of a living person by uuid."""
        key = self._own_keys.get(uuid.int)
        if key is None:
            slot = self.ids.slot_of(uuid.int)
            if slot is None:
                return None
            key = slot if slot < EXTRA_SLOT else -1 - (slot - EXTRA_SLOT)
        return key if self.alive(key) and not self.is_orphan(key) else None

    def number(self, key: int) -> int:
        """Give the place of a row in the order of creation, from 1: part of its integer id."""
        return self._own_numbers.get(key, self.total - key)

    def from_number(self, number: int) -> int | None:
        """Find the key of a living person by that place."""
        key = self._numbered_keys.get(number, self.total - number)
        known = number >= 1 and self.alive(key) and not self.is_orphan(key)
        return key if known else None

    def extras(self) -> list[int]:
        """Give the keys of the inserted rows that live, in the order of the query."""
        return self._order.added()

    def order(self, key: int) -> tuple[int, int]:
        """Give what sorts a row in the order of the query: created_at DESC, id DESC."""
        return -self.created(key), -self.uuid_number(key)

    def uuids(self) -> list[UUID]:
        """List the persons that can be had now, in the order of the query; orphans left out."""
        return [self.uuid(key) for key in self._living()]

    def existed_throughout(self) -> list[UUID]:
        """List the persons that were there since the mark without a break."""
        return [self.uuid(key) for key in self._living() if self._was_there(key)]

    def choose(self, what: int | Iterable[int | UUID | str], random: Random) -> list[int]:
        """Find keys: a number of them at random places, or those at indexes or with uuids.

        Raises:
            KeyError: No such person.
        """
        if not isinstance(what, int):
            return [self._chosen(entry) for entry in what]
        places = random.sample(range(len(self)), min(what, len(self)))
        return [self.key_at(place) for place in places]

    # changing

    def mark(self) -> None:
        """Start the observation of `existed_throughout` anew."""
        self._mark = self._next_number
        self._moved_since_mark.clear()

    def insert(self, index: int = 0, given: dict[str, Any] | None = None) -> UUID:
        """Add a person near an index, where a tie group begins; 0 is the front."""
        anchor = self._order.anchor(index)
        number = self._take_number()
        created = self.ids.extra_created(anchor, number)
        self._stand(anchor, created, number)
        if given is not None:
            self.given[-1 - number] = given
        return self.uuid(-1 - number)

    def place(self, uuid: int, given: dict[str, Any], *, created: int | None = None) -> int:
        """Add a person with a uuid of one's own where its time belongs, now by default."""
        number = self._take_number()
        key = -1 - number
        self._own_uuids[key], self._own_keys[uuid] = uuid, key
        self.given[key] = given
        if created is None:
            self._stand(0, self.ids.extra_created(0, number), number)
        else:
            order = (-created, -uuid)
            anchor = bisect_left(range(self.total), order, key=self._base_order)
            self._stand(anchor, created, number)
        return key

    def move(self, key: int, given: dict[str, Any], *, created: int) -> int:
        """Put a person where another time belongs, as a merge does: uuid and number stay."""
        uuid, number, was_there = self.uuid_number(key), self.number(key), self._was_there(key)
        self.delete(key)
        moved = self.place(uuid, given, created=created)
        self._own_numbers[moved], self._numbered_keys[number] = number, moved
        if was_there:
            self._moved_since_mark.add(moved)
        return moved

    def snapshot(self) -> Population:
        """Return the set as it is now, for a replica that stays behind."""
        kept = copy.copy(self)
        for name in ("_order", "_orphaned", "_own_uuids"):
            setattr(kept, name, copy.copy(getattr(self, name)))
        return kept

    def delete(self, key: int, *, orphan: bool = False) -> None:
        """Remove a row, or leave its raw id behind as an orphan.

        Raises:
            KeyError: The row is gone already.
        """
        if not self.alive(key):
            raise KeyError(key)
        if orphan:
            self._orphaned.add(key)
            return
        self._order.remove(key)

    # where things stand

    def _take_number(self) -> int:
        self._next_number += 1
        return self._next_number - 1

    def _stand(self, anchor: int, created: int, number: int) -> None:
        self._order.add((anchor, -created, -self.uuid_number(-1 - number), number))

    def _base_order(self, ordinal: int) -> tuple[int, int]:
        return -self.ids.created(ordinal), -self.ids.uuid_of(ordinal)

    def _was_there(self, key: int) -> bool:
        return key > -1 - self._mark or key in self._moved_since_mark

    def _chosen(self, what: int | UUID | str) -> int:
        if isinstance(what, int):
            return self.key_at(what)
        key = self.find(what if isinstance(what, UUID) else UUID(what))
        if key is None:
            raise KeyError(what)
        return key

    def _living(self) -> Iterator[int]:
        return (key for key in self.keys(0, len(self)) if not self.is_orphan(key))
