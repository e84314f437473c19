"""Changes that the server accepted and has not yet made."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

__all__ = ["Pending"]


@attrs.define
class Pending:
    """Make each change `delay` seconds after it was accepted; never where the delay is `None`."""

    delay: float | None = 0.0
    now: Callable[[], float] = time.monotonic
    _waiting: list[tuple[float, Callable[[], None]]] = attrs.field(
        factory=list[tuple[float, Callable[[], None]]], init=False
    )

    def accept(self, change: Callable[[], None]) -> None:
        """Keep a change until it is due."""
        if self.delay is not None:
            self._waiting.append((self.now() + self.delay, change))
            self.apply()

    def apply(self) -> None:
        """Make the changes that are due, in the order in which they came."""
        now = self.now()
        due = [change for moment, change in self._waiting if moment <= now]
        self._waiting = [entry for entry in self._waiting if entry[0] > now]
        for change in due:
            change()
