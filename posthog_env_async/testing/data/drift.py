"""A set that changes while somebody pages through it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import attrs

from .person_actions import PersonActions
from .population import Population

__all__ = ["Drift", "drift_once"]


@attrs.frozen(kw_only=True)
class Drift:
    """Change the persons before one in `every` requests for a persons list.

    `inserts`, `deletes` and `merges` are how many at least and at most. New persons come at the
    front, as in life, or with `anywhere=True` at random places. Of two persons that merge the one
    that is left moves to the earlier of the two times, deeper into the list. `script`, called with
    the fake and the number of the request (from 1), takes the place of chance.
    """

    inserts: tuple[int, int] = (0, 5)
    deletes: tuple[int, int] = (0, 5)
    merges: tuple[int, int] = (0, 0)
    seed: int = 0
    every: int = 1
    anywhere: bool = False
    script: Callable[[Any, int], None] | None = None


def drift_once(drift: Drift, actions: PersonActions, random: Random) -> None:
    """Insert, delete and merge as chance wants it."""
    population = actions.rows.population
    for _ in range(random.randint(*drift.inserts)):
        population.insert(random.randint(0, len(population)) if drift.anywhere else 0)
    for _ in range(min(random.randint(*drift.deletes), len(population))):
        population.delete(population.key_at(random.randrange(len(population))))
    for _ in range(random.randint(*drift.merges)):
        pair = [key for key in _two(population, random) if not population.is_orphan(key)]
        if len(pair) == 2:
            newer, older = sorted(pair, key=population.order)
            actions.merge(population.uuid(newer), population.uuid(older))


def _two(population: Population, random: Random) -> list[int]:
    if len(population) < 2:
        return []
    return [population.key_at(at) for at in random.sample(range(len(population)), 2)]
