"""What the user of a fake can change while it runs: keys, projects, persons, cohorts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from posthog_env_async.testing.data.erasures import Erasure
from posthog_env_async.testing.data.hashing import mix
from posthog_env_async.testing.data.person_actions import PersonActions
from posthog_env_async.testing.data.population import Population
from posthog_env_async.testing.http.keys import Key

from .project_builder import ProjectPlan
from .server_state import Installation

__all__ = ["Controls"]

PERSON_FIELDS = frozenset(
    {
        "distinct_ids",
        "id",
        "is_identified",
        "last_seen_at",
        "matched_recordings",
        "name",
        "properties",
        "type",
        "value_at_data_point",
    }
)


class Controls:
    """Change a fake and look at what it holds; `FakePostHog` is one."""

    _site: Installation
    _plan: ProjectPlan
    _chance: Random

    def add_key(
        self,
        text: str | None = None,
        *,
        scopes: Iterable[str] = ("*",),
        scoped_teams: Iterable[int] = (),
        scoped_organizations: Iterable[str] = (),
        user: int = 7,
        label: str = "fake",
        expired: bool = False,
    ) -> str:
        """Make a key known and return its text; without one, a `phx_` key is made up.

        Folders and Max limits belong to the `user`, so keys of two users see different folders.
        """
        text = text or f"phx_fake{len(self._site.keyring.keys):039d}"
        key = Key(
            text,
            label=label,
            scopes=tuple(scopes),
            scoped_teams=tuple(scoped_teams),
            scoped_organizations=tuple(scoped_organizations),
            user=user,
            expired=expired,
        )
        self._site.keyring.add(key)
        return text

    def add_project(self, project: int, *, persons: int = 0, name: str | None = None) -> None:
        """Add a project with persons of its own."""
        built = self._plan.build(project, persons)
        built.name = name or built.name
        self._site.projects[project] = built

    @property
    def project_ids(self) -> list[int]:
        """List the ids of the projects."""
        return sorted(self._site.projects)

    @property
    def insights(self) -> list[list[dict[str, Any]]]:
        """Give the scripted answers of Max; each is used once, then the made-up ones come again."""
        return self._site.insights

    @insights.setter
    def insights(self, insights: list[list[dict[str, Any]]]) -> None:
        self._site.insights = insights

    # persons

    def uuids(self, project: int = 1) -> list[UUID]:
        """List the persons of now in the order of the server's query; orphans are left out."""
        return self._population(project).uuids()

    def insert(self, count: int = 1, *, project: int = 1, at: int = 0) -> list[UUID]:
        """Add new persons at the front, or near the row `at`; returns their uuids, oldest first."""
        population = self._population(project)
        return [population.insert(at) for _ in range(count)]

    def add_person(
        self,
        *,
        project: int = 1,
        uuid: UUID | str | None = None,
        created_at: datetime | str | None = None,
        extra: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> UUID:
        """Add one person with fields of your own, such as `properties={…}` or `distinct_ids=[…]`.

        It comes to the front, or where its `created_at` belongs. Fields that are not given are made
        up; `extra` are fields that this version does not know.

        Raises:
            TypeError: For a field that persons do not have; give it in `extra`.
        """
        unknown = sorted(fields.keys() - PERSON_FIELDS)
        if unknown:
            raise TypeError(f"persons have no field {', '.join(unknown)}; use extra={{…}}")
        held = self._site.projects[project]
        population = held.population
        if uuid is None and created_at is None:
            own, key = population.insert(0, {}), -population.inserted
        else:
            own = _made_up_uuid(population) if uuid is None else UUID(str(uuid))
            key = population.place(own.int, {}, created=_microseconds(created_at))
        held.rows.give(key, {**fields, **(extra or {})})
        return own

    def merge(self, survivor: UUID | str, other: UUID | str, *, project: int = 1) -> None:
        """Let one person take up another, as `identify` does.

        The other vanishes; the survivor gets its distinct ids and the earlier `created_at` of the
        two, and so moves deeper in the list under the same uuid.

        Raises:
            KeyError: No such person.
        """
        self._actions(project).merge(UUID(str(survivor)), UUID(str(other)))

    def recreate(self, uuid: UUID | str, *, project: int = 1) -> None:
        """Let a deleted person come back at the front under its uuid.

        Raises:
            KeyError: The person is there.
        """
        self._actions(project).recreate(UUID(str(uuid)))

    def delete(
        self,
        what: int | Iterable[int | UUID | str] = 1,
        *,
        project: int = 1,
        orphan: bool = False,
    ) -> list[UUID]:
        """Remove persons: a number of them at random places, or those at indexes or with uuids.

        `orphan=True` leaves the raw id in ClickHouse: the page gets shorter, nothing moves up.

        Raises:
            KeyError: No such person.
        """
        population = self._population(project)
        keys = population.choose(what, self._chance)
        uuids = [population.uuid(key) for key in keys]
        for key in keys:
            population.delete(key, orphan=orphan)
        return uuids

    def mark(self) -> None:
        """Start the observation of `existed_throughout` anew, for all projects."""
        for project in self._site.projects.values():
            project.population.mark()

    def existed_throughout(self, project: int = 1) -> list[UUID]:
        """List, in the server's order, who was there without a break since the start or `mark`."""
        return self._population(project).existed_throughout()

    # cohorts, and what was asked to be deleted

    def add_cohort(
        self,
        name: str,
        *,
        properties: Iterable[Mapping[str, Any]] = (),
        uuids: Iterable[UUID | str] | None = None,
        project: int = 1,
    ) -> int:
        """Add a cohort by filters on properties, or a static one of `uuids`; returns its id."""
        store = self._site.projects[project].cohorts
        return store.add(name, leaves=properties, uuids=uuids)

    def erasures(self, project: int = 1) -> dict[UUID, Erasure]:
        """Give the server's own record of deletions, by uuid: how often and with what."""
        return dict(self._actions(project).erasures.records)

    def undeletable(self, project: int = 1) -> set[UUID]:
        """Give the uuids whose deletion fails; add to the set."""
        return self._actions(project).undeletable

    def _actions(self, project: int) -> PersonActions:
        actions = self._site.projects[project].actions
        actions.pending.apply()
        return actions

    def _population(self, project: int) -> Population:
        return self._actions(project).rows.population


def _made_up_uuid(population: Population) -> UUID:
    number = population.inserted
    high, low = mix(population.salt ^ 0xADD, number), mix(population.salt ^ 0xADE, number)
    return UUID(int=high << 64 | low, version=4)


def _microseconds(created_at: datetime | str | None) -> int | None:
    if created_at is None:
        return None
    time = datetime.fromisoformat(created_at) if isinstance(created_at, str) else created_at
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)
