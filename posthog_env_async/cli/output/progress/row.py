"""What a long job has done so far: numbers, and how they are said."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from posthog_env_async.cli.output.units import counted, duration, plural

__all__ = ["ProgressRow"]

STEADY = 2.0


@attrs.define
class ProgressRow:
    """One line of a display: a listing that is being read.

    `before` are the items that an earlier run got; they count for the share, not for the speed.
    """

    name: str
    noun: str = "person"
    total: int | None = None
    items: int = 0
    before: int = 0
    pages: int = 0
    state: str = ""
    began: float | None = None
    ended: float | None = None
    now: Callable[[], float] = time.monotonic

    def add(self, items: int) -> None:
        """Count a page that came."""
        self.start()
        self.items += items
        self.pages += 1

    def start(self) -> None:
        """Begin to measure, once."""
        if self.began is None:
            self.began = self.now()

    def end(self, state: str) -> None:
        """Stop measuring; `state` says how it ended."""
        self.ended, self.state = self.now(), state

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        if self.began is None:
            return 0.0
        return (self.now() if self.ended is None else self.ended) - self.began

    @property
    def rate(self) -> float:
        """Items a second in this run."""
        return (self.items - self.before) / self.seconds if self.seconds else 0.0

    def counts(self) -> str:
        """Return the items, of how many."""
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.items:,}{of} {plural(self.noun)}"

    def numbers(self) -> list[str]:
        """Return all numbers: items of how many, speed, pages."""
        return [self.counts(), self.speed(), counted(self.pages, "page")]

    def speed(self) -> str:
        """Return the items a second."""
        return f"{self.rate:,.0f}/s"

    def eta(self, *, short: bool = False) -> str:
        """Return when it will end, where the total is known and the speed has settled."""
        if self.state:
            return self.state
        if self.total is None or self.seconds < STEADY or self.rate <= 0:
            return ""
        left = max(0, self.total - self.items) / self.rate
        end = datetime.now().astimezone() + timedelta(seconds=left)
        if short:
            return f"{duration(left)} left"
        return f"ends about {end:%H:%M:%S %Z} (in {duration(left)})"
