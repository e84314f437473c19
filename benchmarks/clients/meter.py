"""What a contender is asked to do, and the measure taken of it."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field, frozen

__all__ = ["Meter", "Work", "identity", "peak_memory"]


@frozen
class Work:
    """One run: where the persons are, how to read them, and whether to check what came."""

    url: str
    key: str
    total: int
    page_size: int = 1000
    prefetch: int = 0
    touch: str = "none"
    check: bool = False
    ticks: bool = False
    folder: str = ""


@define
class Meter:
    """Wall clock, processor time and peak memory of one run, from before the first request."""

    check: bool
    persons: int = 0
    seen: list[str] = field(factory=list[str])
    worst_tick: float = 0.0
    _started: float = field(factory=time.perf_counter)
    _cpu: float = field(factory=time.process_time)
    _first: float = 0.0
    _seconds: float = 0.0
    _used: float = 0.0

    def first(self) -> None:
        """Note that the first person has arrived."""
        self._first = time.perf_counter() - self._started

    def stop(self, persons: int) -> None:
        """Note the end of the work: `persons` came."""
        self._seconds = time.perf_counter() - self._started
        self._used = time.process_time() - self._cpu
        self.persons = persons

    def result(self) -> dict[str, float | int | str]:
        """Give the line that the run prints. `checksum` covers uuid and e-mail, in order."""
        return {
            "persons": self.persons,
            "distinct": len(set(self.seen)),
            "checksum": _digest(self.seen) if self.check else "",
            "seconds": self._seconds,
            "cpu": self._used,
            "rss": peak_memory(),
            "first": self._first,
            "worst_tick": self.worst_tick,
        }


def identity(uuid: object, email: object) -> str:
    """Give the text by which a person is known to the check."""
    return f"{uuid} {email}"


def _digest(seen: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:16]


def peak_memory() -> float:
    """Give this process' peak resident memory in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: that one remembers the parent's memory across exec.
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    import resource  # noqa: PLC0415  - not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000_000
