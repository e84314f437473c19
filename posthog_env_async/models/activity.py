"""What happened to persons, and values of their properties."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_time

__all__ = ["ACTIVITY_ROWS", "VALUE_ROWS", "ActivityEntry", "PropertyValue"]


@attrs.frozen
class ActivityEntry(Model):
    """One entry of the activity log (docs/server.md, Other person actions).

    Attributes:
        id: what identifies the entry.
        activity: what was done, such as `updated`.
        scope: what it was done to, `Person` for these.
        item_id: the person's uuid or number as text.
        created_at: when it was done.
        user: who did it.
        detail: what changed.
        extra: fields of the row that this class does not name.
    """

    id: str | None = None
    activity: str | None = None
    scope: str | None = None
    item_id: str | None = None
    created_at: datetime | None = attrs.field(default=None, converter=to_time)
    user: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
    detail: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class PropertyValue(Model):
    """One value of a property, mostly a text, and how many persons have it."""

    name: Any = attrs.field(default=None, repr=False, hash=False)
    count: int | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


ACTIVITY_ROWS: RowType[ActivityEntry] = structured_rows(ActivityEntry)
VALUE_ROWS: RowType[PropertyValue] = structured_rows(PropertyValue)
