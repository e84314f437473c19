"""What can be done to the persons of one project."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import attrs

from .activity import ActivityLog
from .erasures import Erasures
from .pending import Pending
from .person_rows import PersonRows

__all__ = ["PersonActions"]

History = list[tuple[float, dict[str, Any]]]


@attrs.define
class PersonActions:
    """Change, split, merge and delete persons, at once or when the queue gets there."""

    rows: PersonRows
    pending: Pending
    erasures: Erasures
    activity: ActivityLog
    undeletable: set[UUID] = attrs.field(factory=set[UUID], init=False)
    now: Callable[[], float] = time.time
    _history: dict[UUID, History] = attrs.field(factory=dict[UUID, History], init=False)

    # changing

    def set_properties(self, uuid: UUID, properties: Mapping[str, Any]) -> None:
        """Set properties, when the queue gets there."""
        self.activity.note("updated", uuid)
        self.pending.accept(lambda: self._change(uuid, lambda held: held | dict(properties)))

    def unset_property(self, uuid: UUID, name: str) -> None:
        """Remove a property, when the queue gets there."""
        self.activity.note("delete_property", uuid)

        def without(held: dict[str, Any]) -> dict[str, Any]:
            return {key: value for key, value in held.items() if key != name}

        self.pending.accept(lambda: self._change(uuid, without))

    def split(self, uuid: UUID, ids: list[str]) -> None:
        """Make persons of distinct ids, when the queue gets there."""
        self.activity.note("split_person", uuid)
        self.pending.accept(lambda: self._split(uuid, ids))

    def properties_at(self, uuid: UUID, moment: float) -> dict[str, Any] | None:
        """Give the properties that a person had at a time in seconds since 1970."""
        later = [held for changed, held in self._history.get(uuid, []) if changed > moment]
        key = self.rows.population.find(uuid)
        if later or key is None:
            return later[0] if later else None
        return self.rows.properties(key)

    def _change(self, uuid: UUID, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        key = self.rows.population.find(uuid)
        if key is None:
            return
        held = dict(self.rows.properties(key))
        self._history.setdefault(uuid, []).append((self.now(), held))
        self.rows.give(key, {"properties": changed(held)})

    def _split(self, uuid: UUID, ids: list[str]) -> None:
        population = self.rows.population
        key = population.find(uuid)
        if key is None:
            return
        held = list(self.rows.row(key)["distinct_ids"])
        creating, leaving = held[:1], [each for each in held[1:] if each in ids]
        self.rows.give(key, {"distinct_ids": [each for each in held if each not in leaving]})
        if creating and creating[0] in ids:
            # The known fault: the id that the person was created with stays, and the row is blank.
            self.rows.give(key, {"properties": {}, "name": None})
        for each in leaving:
            population.insert(0)
            fields: dict[str, Any] = {"distinct_ids": [each], "properties": {}, "name": each}
            self.rows.give(-population.inserted, fields)

    # merging

    def merge(self, survivor: UUID, other: UUID) -> None:
        """Let one person take up another: it moves to the earlier of the two times."""
        population = self.rows.population
        kept, gone = population.find(survivor), population.find(other)
        if kept is None or gone is None:
            raise KeyError(survivor if kept is None else other)
        first, second = self.rows.row(kept), self.rows.row(gone)
        created = min(population.created(kept), population.created(gone))
        fields = {
            "properties": self.rows.properties(gone) | self.rows.properties(kept),
            "distinct_ids": [*first["distinct_ids"], *second["distinct_ids"]],
            "name": first["name"],
        }
        population.delete(gone)
        if created != population.created(kept):
            kept = population.move(kept, {}, created=created)
        self.rows.give(kept, fields)

    def recreate(self, uuid: UUID) -> None:
        """Let a deleted person come back at the front under its uuid."""
        if self.rows.population.find(uuid) is not None:
            raise KeyError(uuid)
        self.rows.population.place(uuid.int, {})

    # deleting

    def erase(
        self, uuid: UUID, *, events: bool, recordings: bool, keep_person: bool, queued: bool
    ) -> bool:
        """Delete a person, now or when the queue gets there; false where that fails."""
        failed = uuid in self.undeletable
        self.erasures.note(
            uuid, events=events, recordings=recordings, keep_person=keep_person, failed=failed
        )
        if failed:
            return False
        if not keep_person:
            self.activity.note("deleted", uuid)
            if queued:
                self.pending.accept(lambda: self._remove(uuid))
            else:
                self._remove(uuid)
        return True

    def _remove(self, uuid: UUID) -> None:
        key = self.rows.population.find(uuid)
        if key is not None:
            self.rows.population.delete(key)
