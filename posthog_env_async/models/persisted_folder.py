"""Persisted folders."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_time, to_uuid

__all__ = ["FOLDER_ROWS", "PersistedFolder"]


@attrs.frozen
class PersistedFolder(Model):
    """A place in the file tree that the key's owner keeps (docs/server.md, Persisted folders).

    Attributes:
        id: the UUID that `get`, `update` and `delete` take.
        type: `home`, `pinned`, `custom_products` or what later servers add; one folder of each.
        protocol: which tree, `products://` by default.
        path: where in the tree.
        created_at: when it was made.
        updated_at: when it was last changed.
        extra: fields of the row that this class does not name.
    """

    id: UUID = attrs.field(converter=to_uuid)
    type: str
    protocol: str = "products://"
    path: str = attrs.field(default="", repr=False)
    created_at: datetime | None = attrs.field(default=None, converter=to_time)
    updated_at: datetime | None = attrs.field(default=None, converter=to_time)
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


FOLDER_ROWS: RowType[PersistedFolder] = structured_rows(PersistedFolder)
