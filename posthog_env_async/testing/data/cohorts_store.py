"""The cohorts of one project: by a filter on properties, or a list of persons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import attrs
import msgspec

from .person_filter import PersonFilter, Scans, parse_filter
from .person_rows import PLANS, iso

__all__ = ["Cohort", "CohortStore"]

START = 1_790_000_000_000_000


@attrs.frozen
class Cohort:
    """Hold one cohort; `uuids` for a static one, else `wanted`."""

    id: int
    name: str
    wanted: PersonFilter | None
    uuids: tuple[UUID, ...] = ()
    leaves: tuple[Mapping[str, Any], ...] = ()

    async def keys(self, scans: Scans) -> list[int]:
        """List the members in the order of the persons list."""
        if self.wanted is not None:
            return await scans.keys(self.wanted)
        population = scans.rows.population
        found = (population.find(uuid) for uuid in self.uuids)
        return sorted((key for key in found if key is not None), key=population.order)

    def holds(self, scans: Scans, key: int) -> bool:
        """Tell whether a person belongs to it."""
        if self.wanted is not None:
            return self.wanted.matches(scans.rows.row(key))
        return scans.rows.population.uuid(key) in self.uuids

    def row(self, count: int | None) -> dict[str, Any]:
        """Give what the server shows."""
        group = {"type": "OR", "values": [{"type": "AND", "values": [*self.leaves]}]}
        return {
            "id": self.id,
            "name": self.name,
            "description": "",
            "groups": [],
            "deleted": False,
            "filters": {"properties": group},
            "query": None,
            "is_calculating": False,
            "created_by": {"id": 7, "first_name": "Fake", "email": "fake@example.com"},
            "created_at": iso(START + self.id * 1_000_000),
            "last_calculation": iso(START + self.id * 1_000_000 + 500_000),
            "errors_calculating": 0,
            "count": count,
            "is_static": self.wanted is None,
            "cohort_type": "static" if self.wanted is None else "person_property",
        }


@attrs.define
class CohortStore:
    """Keep cohorts; a project starts with one for each plan."""

    cohorts: dict[int, Cohort] = attrs.field(factory=dict[int, Cohort], init=False)

    def __attrs_post_init__(self) -> None:
        for plan in PLANS:
            leaf = {"key": "plan", "value": plan, "operator": "exact", "type": "person"}
            self.add(f"On the {plan} plan", leaves=[leaf])

    def add(
        self,
        name: str,
        *,
        leaves: Iterable[Mapping[str, Any]] = (),
        uuids: Iterable[UUID | str] | None = None,
    ) -> int:
        """Add a cohort and return its id."""
        number = len(self.cohorts) + 1
        kept = tuple(leaves)
        text = msgspec.json.encode(kept).decode()
        wanted = parse_filter({"properties": text}, old=False) if uuids is None else None
        members = tuple(UUID(str(uuid)) for uuid in uuids or ())
        self.cohorts[number] = Cohort(number, name, wanted, members, kept)
        return number
