"""The server's own record of who was asked to be deleted, and with what."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import attrs

from .person_rows import iso

__all__ = ["Erasure", "Erasures"]


@attrs.frozen(kw_only=True)
class Erasure:
    """What was asked for one person, over all requests; `times` counts them."""

    uuid: UUID
    times: int = 1
    events: bool = False
    recordings: bool = False
    keep_person: bool = False
    deleted: bool = False
    queued_at: float = 0.0


@attrs.define
class Erasures:
    """Keep the record, and play the queue that deletes events."""

    verify_after: float | None = 0.0
    now: Callable[[], float] = time.time
    records: dict[UUID, Erasure] = attrs.field(factory=dict[UUID, Erasure], init=False)

    def note(
        self, uuid: UUID, *, events: bool, recordings: bool, keep_person: bool, failed: bool
    ) -> None:
        """Write down one request for one person."""
        known = self.records.get(uuid)
        queued = events and not (known and known.events)
        self.records[uuid] = Erasure(
            uuid=uuid,
            times=1 + (known.times if known else 0),
            events=events or (known is not None and known.events),
            recordings=recordings or (known is not None and known.recordings),
            keep_person=keep_person,
            deleted=not keep_person and not failed,
            queued_at=self.now() if queued or known is None else known.queued_at,
        )

    def status_rows(self, status: str, person_uuid: str) -> list[dict[str, object]]:
        """List the deletions of events, newest first, as the server shows them."""
        asked = [record for record in self.records.values() if record.events]
        asked.sort(key=lambda record: record.queued_at, reverse=True)
        rows = map(self._row, asked)
        return [
            row
            for row in rows
            if status in ("all", row["status"]) and person_uuid in ("", row["person_uuid"])
        ]

    def _row(self, record: Erasure) -> dict[str, object]:
        verified = None if self.verify_after is None else record.queued_at + self.verify_after
        done = verified is not None and verified <= self.now()
        return {
            "person_uuid": str(record.uuid),
            "created_at": iso(int(record.queued_at * 1_000_000)),
            "status": "completed" if done else "pending",
            "delete_verified_at": iso(int(verified * 1_000_000)) if verified and done else None,
        }
