"""The persisted folders of one project: one row for each user and type.

See docs/server.md, Persisted folders.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import attrs

from .hashing import mix
from .person_rows import iso

__all__ = ["Folder", "FolderStore"]

START = 1_790_000_000_000_000


@attrs.frozen
class Folder:
    """Hold one row; the user is not shown."""

    id: UUID
    user: int
    type: str
    protocol: str
    path: str
    created: int
    updated: int

    def row(self) -> dict[str, Any]:
        """Give what the server shows."""
        return {
            "id": str(self.id),
            "type": self.type,
            "protocol": self.protocol,
            "path": self.path,
            "created_at": iso(self.created),
            "updated_at": iso(self.updated),
        }


@attrs.define
class FolderStore:
    """Keep folders; its clock ticks once a change, so that runs repeat."""

    salt: int
    _rows: dict[UUID, Folder] = attrs.field(factory=dict[UUID, Folder], init=False)
    home_path: str | None = "Unfiled"
    _ticks: int = attrs.field(default=0, init=False)

    def of_user(self, user: int) -> list[Folder]:
        """List the rows of a user, ordered by type."""
        own = (folder for folder in self._rows.values() if folder.user == user)
        return sorted(own, key=lambda folder: folder.type.lower())

    def find(self, user: int, text: str) -> Folder | None:
        """Find a row of a user by id."""
        try:
            folder = self._rows.get(UUID(text))
        except ValueError:
            return None
        return folder if folder is not None and folder.user == user else None

    def upsert(self, user: int, *, type: str, protocol: str, path: str) -> Folder:
        """Create the row of a type, or overwrite it."""
        for folder in self.of_user(user):
            if folder.type == type:
                return self.change(folder, {"protocol": protocol, "path": path})
        now = self._tick()
        folder = Folder(self._new_id(now), user, type, protocol, path, now, now)
        self._rows[folder.id] = folder
        return folder

    def clashes(self, folder: Folder, type: str) -> bool:
        """Tell whether another row of the user has the type."""
        return any(row.type == type and row.id != folder.id for row in self.of_user(folder.user))

    def change(self, folder: Folder, fields: dict[str, str]) -> Folder:
        """Change some fields of a row."""
        changed = attrs.evolve(
            folder,
            type=fields.get("type", folder.type),
            protocol=fields.get("protocol", folder.protocol),
            path=fields.get("path", folder.path),
            updated=self._tick(),
        )
        self._rows[folder.id] = changed
        return changed

    def delete(self, folder: Folder) -> None:
        """Remove a row."""
        del self._rows[folder.id]

    def home_id(self, user: int) -> UUID:
        """Give the id of the home folder that newer servers keep for a user."""
        dice = mix(self.salt ^ 0x403E, user)
        return UUID(int=dice << 64 | mix(dice, user), version=4)

    def _tick(self) -> int:
        self._ticks += 1
        return START + self._ticks * 1_000_000

    def _new_id(self, now: int) -> UUID:
        dice = mix(self.salt ^ 0xF01D, self._ticks)
        high = ((now // 1000) << 16) | 0x7000 | (dice & 0xFFF)
        return UUID(int=(high << 64) | (0b10 << 62) | (dice >> 2))
