"""Who is who in a project: uuids and creation times of persons, made from a seed, never stored."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from .hashing import mix, scramble, unscramble

__all__ = ["EXTRA_SLOT", "Identities"]

EXTRA_SLOT = 1 << 31
NEWEST = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 1_000_000
GAP = 7_340_000
MIDDLE_STEP = 1
FRONT_STEP = 1_000_000
KEPT_GROUPS = 512


@attrs.define
class Identities:
    """Give uuids and times by ordinal; rows of one tie group share their time and stand by uuid."""

    total: int
    salt: int
    tie: int
    _groups: dict[int, list[int]] = attrs.field(factory=dict[int, list[int]], init=False)

    def uuid_of(self, ordinal: int) -> int:
        """Give the uuid of a person made at the start, as an integer."""
        if self.tie == 1:
            return self._uuid_of_slot(ordinal)
        return self._group(ordinal // self.tie)[ordinal % self.tie]

    def extra_uuid(self, number: int) -> int:
        """Give the uuid of the person that was inserted as the `number`th."""
        return self._uuid_of_slot(EXTRA_SLOT + number)

    def slot_of(self, uuid: int) -> int | None:
        """Find where a uuid belongs: an ordinal, or `EXTRA_SLOT` and more for inserted ones."""
        slot = unscramble(uuid & 0xFFFFFFFF, self.salt)
        if self._uuid_of_slot(slot) != uuid:
            return None
        if slot >= EXTRA_SLOT or self.tie == 1:
            return slot if slot >= EXTRA_SLOT or slot < self.total else None
        if slot >= self.total:
            return None
        group = slot // self.tie
        return group * self.tie + self._group(group).index(uuid)

    def created(self, ordinal: int) -> int:
        """Give the creation time in microseconds: the higher the ordinal, the older."""
        return self._group_time(ordinal // self.tie)

    def extra_created(self, anchor: int, number: int) -> int:
        """Give the time of an inserted person that stands right before an ordinal."""
        place = number // self.tie + 1
        if anchor == 0:
            return self._group_time(0) + place * FRONT_STEP
        return self._group_time(-(-anchor // self.tie)) + place * MIDDLE_STEP

    def _group_time(self, group: int) -> int:
        return NEWEST - group * GAP - mix(self.salt, group) % (GAP // 2)

    def _group(self, group: int) -> list[int]:
        found = self._groups.get(group)
        if found is None:
            if len(self._groups) >= KEPT_GROUPS:
                self._groups.clear()
            slots = range(group * self.tie, min((group + 1) * self.tie, self.total))
            found = sorted((self._uuid_of_slot(slot) for slot in slots), reverse=True)
            self._groups[group] = found
        return found

    def _uuid_of_slot(self, slot: int) -> int:
        high = mix(self.salt, slot)
        top = (high & 0xFFFFFFFFFFFF0FFF) | 0x4000
        low = 0x80000000 | (high >> 34)
        return (top << 64) | (low << 32) | scramble(slot, self.salt)
