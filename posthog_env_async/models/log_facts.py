"""What the server tells of logs besides the entries: buckets, attributes, services."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

__all__ = ["LogAttribute", "LogAttributeValue", "LogBucket", "LogService"]


@attrs.frozen
class LogBucket:
    """How many entries of one `level` there are in the time that begins at `time`."""

    time: datetime | None = None
    count: int = 0
    level: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class LogAttribute:
    """An attribute that log entries have; `filter_type` is the `type` of a `PropertyFilter`."""

    name: str
    filter_type: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class LogAttributeValue:
    """One value of a log attribute, and how many entries have it."""

    name: Any = attrs.field(default=None, repr=False)
    count: int | None = None
    id: Any = attrs.field(default=None, repr=False)
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class LogService:
    """A service that logs, and how many entries it wrote."""

    name: str | None = None
    count: int | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
