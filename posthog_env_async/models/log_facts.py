"""What the server tells of logs besides the entries: buckets, attributes, services."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_time

__all__ = [
    "ATTRIBUTE_ROWS",
    "ATTRIBUTE_VALUE_ROWS",
    "BUCKET_ROWS",
    "SERVICE_ROWS",
    "LogAttribute",
    "LogAttributeValue",
    "LogBucket",
    "LogService",
]


@attrs.frozen
class LogBucket(Model):
    """How many entries of one `level` there are in the time that begins at `time`."""

    time: datetime | None = attrs.field(default=None, converter=to_time)
    count: int = 0
    level: str | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class LogAttribute(Model):
    """An attribute that log entries have."""

    name: str
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )

    @property
    def filter_type(self) -> str | None:
        """The `type` that a `PropertyFilter` on it needs."""
        found = self.extra.get("propertyFilterType")
        return found if isinstance(found, str) else None


@attrs.frozen
class LogAttributeValue(Model):
    """One value of a log attribute, mostly a text, and how many entries have it."""

    name: Any = attrs.field(default=None, repr=False, hash=False)
    count: int | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class LogService(Model):
    """A service that logs, and how many entries it wrote; what else is said is in `extra`."""

    name: str | None = None
    count: int | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


BUCKET_ROWS: RowType[LogBucket] = structured_rows(LogBucket)
ATTRIBUTE_ROWS: RowType[LogAttribute] = structured_rows(LogAttribute)
ATTRIBUTE_VALUE_ROWS: RowType[LogAttributeValue] = structured_rows(LogAttributeValue)
SERVICE_ROWS: RowType[LogService] = structured_rows(LogService)
