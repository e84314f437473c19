"""A set that changes while somebody pages through it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import attrs

from .population import Population

__all__ = ["Drift", "drift_once"]


@attrs.frozen(kw_only=True)
class Drift:
    """Change the persons before one in `every` requests for a persons list.

    `inserts` and `deletes` are how many at least and at most. New persons come at the front, as in
    life, or with `anywhere=True` at random places. `script`, called with the fake and the number of
    the request (from 1), takes the place of chance.
    """

    inserts: tuple[int, int] = (0, 5)
    deletes: tuple[int, int] = (0, 5)
    seed: int = 0
    every: int = 1
    anywhere: bool = False
    script: Callable[[Any, int], None] | None = None


def drift_once(drift: Drift, population: Population, random: Random) -> None:
    """Insert and delete as chance wants it."""
    for _ in range(random.randint(*drift.inserts)):
        population.insert(random.randint(0, len(population)) if drift.anywhere else 0)
    for _ in range(min(random.randint(*drift.deletes), len(population))):
        population.delete(population.key_at(random.randrange(len(population))))
