"""Log entries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, nanoseconds, structured_rows

from .model import Model, to_mapping, to_time, to_uuid

__all__ = ["LOG_ROWS", "LogEntry", "LogLevel"]

LogLevel = Literal["trace", "debug", "info", "warn", "error", "fatal"]
"""The severities that logs can be filtered by."""


@attrs.frozen
class LogEntry(Model):
    """One log record (docs/server.md, Logs).

    Times are cut to microseconds, which is what a `datetime` holds: `timestamp_ns` is exact.

    Attributes:
        uuid: what identifies the entry.
        body: the message.
        timestamp: when it happened.
        observed_timestamp: when it was collected.
        level: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or another text.
        severity_text: the level as the service wrote it.
        severity_number: the level as OpenTelemetry numbers it.
        attributes: what the service added to the entry, text to text.
        resource_attributes: what describes the service, such as `service.name`, text to text.
        trace_id: the trace, 32 zeros when there is none.
        span_id: the span, 16 zeros when there is none.
        event_name: the name of the event, if it is one.
        instrumentation_scope: the library that wrote it.
        resource_fingerprint: a 64-bit number as text; equal for equal resource attributes.
        live_logs_checkpoint: how far the server had read when it answered.
        extra: fields of the row that this class does not name, custom columns among them.
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
