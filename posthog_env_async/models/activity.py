"""What happened to persons, and values of their properties."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from posthog_env_async.converter import RowType, structured_rows

__all__ = ["ACTIVITY_ROWS", "VALUE_ROWS", "ActivityEntry", "PropertyValue"]


@attrs.frozen
class ActivityEntry:
    """One entry of the activity log (docs/server.md, Other person actions).

    `item_id` is the person's uuid or number as text; `detail` says what changed, `user` who did it.
    """

    id: str | None = None
    activity: str | None = None
    scope: str | None = None
    item_id: str | None = None
    created_at: datetime | None = None
    user: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    detail: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class PropertyValue:
    """One value of a property, mostly a text, and how many persons have it."""

    name: Any = attrs.field(default=None, repr=False)
    count: int | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


ACTIVITY_ROWS: RowType[ActivityEntry] = structured_rows(ActivityEntry)
VALUE_ROWS: RowType[PropertyValue] = structured_rows(PropertyValue)
