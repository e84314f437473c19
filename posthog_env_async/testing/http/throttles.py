"""Sliding windows by key, as Django REST framework keeps them (docs/server.md, Throttles)."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

import attrs

from .errors import hog
from .keys import Key

__all__ = ["CLOUD_THROTTLES", "RetryAfter", "Throttles", "Windows"]

Windows = tuple[tuple[int, float], ...]
RetryAfter = Literal["seconds", "date", "none"]
History = deque[float]

CLOUD_THROTTLES: Mapping[str, Windows] = {
    "persons": ((240, 60.0),),
    "persons_web": ((180, 60.0), (1200, 3600.0)),
    "persons_delete": ((480, 60.0), (4800, 3600.0)),
    "max_tools": ((10, 60.0), (100, 86_400.0)),
    "default": ((480, 60.0), (4800, 3600.0)),
}
PER_USER = ("persons_web", "max_tools")


@attrs.define
class Throttles:
    """Count the calls of each key in each class; a refused call does not count."""

    classes: Mapping[str, Windows]
    retry_after: RetryAfter = "seconds"
    now: Callable[[], float] = time.monotonic
    _histories: dict[tuple[str, str, int], History] = attrs.field(
        factory=dict[tuple[str, str, int], History], init=False
    )

    def admit(self, group: str, key: Key) -> None:
        """Count a call, or refuse it with a 429."""
        if key.is_oauth:
            group = "persons_web" if group.startswith("persons") else group
            if group not in PER_USER:
                return
        windows = self.classes.get(group, ())
        owner = str(key.user) if group in PER_USER else key.text
        histories = [self._history(group, owner, place) for place in range(len(windows))]
        now = self.now()
        wait = max(_waits(windows, histories, now), default=None)
        if wait is not None:
            raise self._refusal(wait)
        for history in histories:
            history.append(now)

    def _history(self, group: str, owner: str, place: int) -> History:
        return self._histories.setdefault((group, owner, place), deque())

    def _refusal(self, wait: float) -> Exception:
        seconds = math.ceil(wait)
        plural = "second" if seconds == 1 else "seconds"
        detail = f"Request was throttled. Expected available in {seconds} {plural}."
        headers: dict[str, str] = {}
        if self.retry_after == "seconds":
            headers["Retry-After"] = str(seconds)
        elif self.retry_after == "date":
            when = datetime.now(UTC) + timedelta(seconds=seconds)
            headers["Retry-After"] = format_datetime(when, usegmt=True)
        return hog(429, "throttled_error", "throttled", detail, headers=headers)


def _waits(windows: Windows, histories: Iterable[History], now: float) -> Iterable[float]:
    for (allowed, seconds), history in zip(windows, histories, strict=True):
        while history and history[0] <= now - seconds:
            history.popleft()
        if len(history) >= allowed:
            yield history[0] + seconds - now if history else seconds
