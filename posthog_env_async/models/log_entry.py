"""Log entries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, nanoseconds, structured_rows

from .model import Model, to_mapping, to_time, to_uuid

__all__ = ["LOG_ROWS", "LogEntry"]


@attrs.frozen
class LogEntry(Model):
    """One log record (docs/server.md, Logs).

    `level` and `severity_text` are open sets of texts; the attribute maps are text to text;
    `resource_fingerprint` is a 64-bit number as text. Times are cut to microseconds, which is what
    a `datetime` holds: `timestamp_ns` is exact.
    """

    uuid: UUID = attrs.field(converter=to_uuid)
    body: str | None = attrs.field(default=None, repr=False)
    timestamp: datetime | None = attrs.field(default=None, converter=to_time)
    observed_timestamp: datetime | None = attrs.field(default=None, converter=to_time)
    level: str | None = None
    severity_text: str | None = None
    severity_number: int | None = None
    attributes: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
    resource_attributes: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = attrs.field(default=None, repr=False)
    instrumentation_scope: str | None = None
    resource_fingerprint: str | None = None
    live_logs_checkpoint: datetime | None = attrs.field(default=None, converter=to_time)
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )

    @property
    def timestamp_ns(self) -> int | None:
        """The whole nanoseconds from 1970 to `timestamp`, as exact as the server sent them."""
        return self._nanoseconds("timestamp")

    @property
    def observed_timestamp_ns(self) -> int | None:
        """The whole nanoseconds from 1970 to `observed_timestamp`."""
        return self._nanoseconds("observed_timestamp")

    def _nanoseconds(self, name: str) -> int | None:
        text = self.to_dict().get(name)
        return None if text is None else nanoseconds(text)


LOG_ROWS: RowType[LogEntry] = structured_rows(LogEntry)
