"""Log entries of one project, made from a seed; newest first (docs/server.md, Logs)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.testing.data.hashing import mix
from posthog_env_async.testing.data.person_rows import iso

__all__ = ["SEVERITIES", "LogRows"]

SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
SHARE = ("debug", "info", "info", "info", "warn", "error", "trace", "fatal")
SERVICES = ("checkout", "web", "worker", "billing")
MESSAGES = (
    "upstream timeout after {n} ms",
    "GET /api/orders/{n} 200",
    "job {n} finished",
    "retrying connection {n}",
    "cache miss for key {n}",
)


@attrs.define
class LogRows:
    """Make entries by ordinal: 0 is the newest, at `now`; one every `step` microseconds back."""

    total: int
    now: int
    salt: int = 0
    step: int = 1_000_000
    tie: int = 1

    def time(self, ordinal: int) -> int:
        """Give the time of an entry in microseconds since 1970."""
        group = ordinal // self.tie
        return self.now - group * self.step - mix(self.salt ^ 0x106, group) % (self.step // 2)

    def uuid(self, ordinal: int) -> UUID:
        """Give the uuid; entries of one time stand by falling uuid."""
        place = self.tie - 1 - ordinal % self.tie
        low = (0b10 << 62) | (place << 40) | (mix(self.salt ^ 0x109, ordinal) >> 24)
        high = ((self.time(ordinal) // 1000) << 16) | 0x7000 | (mix(self.salt, ordinal) & 0xFFF)
        if self.tie > 1:
            high = ((self.time(ordinal) // 1000) << 16) | 0x7000
        return UUID(int=(high << 64) | low)

    def row(self, ordinal: int) -> dict[str, Any]:
        """Give an entry as the newest servers show it."""
        dice = mix(self.salt ^ 0x10D, ordinal)
        level = SHARE[dice % 8]
        service = SERVICES[(dice >> 8) % 4]
        when = self.time(ordinal)
        traced = (dice >> 16) % 4 != 0
        return {
            "uuid": str(self.uuid(ordinal)),
            "trace_id": f"{dice:016x}{mix(dice, 1):016x}" if traced else "0" * 32,
            "span_id": f"{mix(dice, 2):016x}" if traced else "0" * 16,
            "body": MESSAGES[(dice >> 24) % 5].format(n=(dice >> 32) % 10_000),
            "attributes": {"http.status_code": str(200 + (dice >> 40) % 5 * 100)},
            "resource_attributes": {
                "service.name": service,
                "k8s.pod.name": f"{service}-{(dice >> 48) % 8}",
            },
            "timestamp": iso(when),
            "observed_timestamp": iso(when + 1500),
            "severity_text": level,
            "severity_number": SEVERITIES[level],
            "level": level,
            "resource_fingerprint": str(mix(dice, 3)),
            "instrumentation_scope": "@app",
            "event_name": "",
            "live_logs_checkpoint": iso(self.now),
        }
