"""Projects and the key's own record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from posthog_env_async.converter import RowType, structured_rows

__all__ = ["PROJECT_ROWS", "APIKeyInfo", "Project"]


@attrs.frozen
class Project:
    """A project that the key can use."""

    id: int
    name: str | None = attrs.field(default=None)
    uuid: str | None = None
    organization: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class APIKeyInfo:
    """What the server says of the key in use (docs/server.md, Authentication); never the key."""

    scopes: tuple[str, ...]
    label: str | None = None
    scoped_teams: tuple[int, ...] = ()
    scoped_organizations: tuple[str, ...] = ()
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


PROJECT_ROWS: RowType[Project] = structured_rows(Project)
