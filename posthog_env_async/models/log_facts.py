"""What the server tells of logs besides the entries: buckets, attributes, services."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .model import Model, to_mapping, to_time

__all__ = ["LogAttribute", "LogAttributeValue", "LogBucket", "LogService"]


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
    """An attribute that log entries have; `filter_type` is the `type` of a `PropertyFilter`."""

    name: str
    filter_type: str | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class LogAttributeValue(Model):
    """One value of a log attribute, and how many entries have it."""

    name: Any = attrs.field(default=None, repr=False, hash=False)
    count: int | None = None
    id: Any = attrs.field(default=None, repr=False, hash=False)
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class LogService(Model):
    """A service that logs, and how many entries it wrote."""

    name: str | None = None
    count: int | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
