"""Log entries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, structured_rows

__all__ = ["LOG_ROWS", "LogEntry"]


@attrs.frozen
class LogEntry:
    """One log record (docs/server.md, Logs).

    `level` and `severity_text` are open sets of texts; the attribute maps are text to text;
    `resource_fingerprint` is a 64-bit number as text.
    """

    uuid: UUID
    body: str | None = attrs.field(default=None, repr=False)
    timestamp: datetime | None = None
    observed_timestamp: datetime | None = None
    level: str | None = None
    severity_text: str | None = None
    severity_number: int | None = None
    attributes: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    resource_attributes: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
    instrumentation_scope: str | None = None
    resource_fingerprint: str | None = None
    live_logs_checkpoint: datetime | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


LOG_ROWS: RowType[LogEntry] = structured_rows(LogEntry)
