"""Samples of the runs, their medians, and the file that keeps them between two commands."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Self

from attrs import asdict, define, field, frozen

__all__ = ["CaseResult", "Results", "Spread", "persons_a_second"]

Sample = Mapping[str, Any]


@frozen
class Spread:
    """The median of a measure, its extremes, and the number of runs."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Summarise the values of the runs."""
        return cls(median(values), min(values), max(values), len(values))


def persons_a_second(sample: Sample) -> float:
    """Give the speed of one run."""
    return float(sample["persons"]) / float(sample["seconds"])


@define
class CaseResult:
    """What one case gave: samples by contender, and how it was taken."""

    title: str
    command: str
    machine: str
    versions: dict[str, str]
    labels: dict[str, str] = field(factory=dict[str, str])
    samples: dict[str, list[dict[str, Any]]] = field(factory=dict[str, list[dict[str, Any]]])
    requests: dict[str, int] = field(factory=dict[str, int])
    skipped: dict[str, str] = field(factory=dict[str, str])

    def speed(self, name: str) -> Spread | None:
        """Give the persons per second of a contender; `None` when it did not run."""
        runs = self.samples.get(name)
        return Spread.of([persons_a_second(run) for run in runs]) if runs else None

    def measure(self, name: str, key: str) -> Spread | None:
        """Give one measure of a contender (`seconds`, `cpu`, `rss`, `first`, `worst_tick`)."""
        runs = self.samples.get(name)
        return Spread.of([float(run[key]) for run in runs]) if runs else None


@define
class Results:
    """All cases measured so far, by name."""

    cases: dict[str, CaseResult] = field(factory=dict[str, CaseResult])

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file of an earlier command; nothing when there is none."""
        if not path.exists():
            return cls()
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls({name: CaseResult(**case) for name, case in kept.items()})

    def save(self, path: Path) -> None:
        """Write the file, so that a later command can add cases to it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {name: asdict(case) for name, case in self.cases.items()}
        text = json.dumps(kept, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    def speed(self, case: str, contender: str) -> Spread | None:
        """Give the persons per second of a contender in a case; `None` when not measured."""
        return self.cases[case].speed(contender) if case in self.cases else None

    def measure(self, case: str, contender: str, key: str) -> Spread | None:
        """Give one measure of a contender in a case; `None` when not measured."""
        return self.cases[case].measure(contender, key) if case in self.cases else None
