"""What happened to persons, as the activity log shows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import attrs

from .hashing import mix
from .person_rows import iso

__all__ = ["ActivityLog"]


@attrs.define
class ActivityLog:
    """Keep the entries of one project, newest last."""

    salt: int
    now: Callable[[], float] = time.time
    _entries: list[dict[str, Any]] = attrs.field(factory=list[dict[str, Any]], init=False)

    def note(self, activity: str, uuid: UUID | str, **detail: Any) -> None:
        """Write down what was done to a person."""
        number = len(self._entries)
        identity = UUID(int=mix(self.salt, number) << 64 | mix(self.salt ^ 0xAC7, number))
        self._entries.append(
            {
                "id": str(identity),
                "user": {"first_name": "Fake", "email": "fake@example.com"},
                "unread": False,
                "is_system": False,
                "activity": activity,
                "scope": "Person",
                "item_id": str(uuid),
                "detail": {"name": None, "changes": [], **detail},
                "created_at": iso(int(self.now() * 1_000_000)),
            }
        )

    def entries(self, uuid: str = "") -> list[dict[str, Any]]:
        """List the entries, newest first; of one person where asked."""
        return [entry for entry in reversed(self._entries) if uuid in ("", entry["item_id"])]
