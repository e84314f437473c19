"""Persisted folders."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, structured_rows

__all__ = ["FOLDER_ROWS", "PersistedFolder"]


@attrs.frozen
class PersistedFolder:
    """A place in the file tree that the key's owner keeps (docs/server.md, Persisted folders).

    `type` is `home`, `pinned`, `custom_products` or what later servers add.
    """

    id: UUID
    type: str
    protocol: str = "products://"
    path: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


FOLDER_ROWS: RowType[PersistedFolder] = structured_rows(PersistedFolder)
