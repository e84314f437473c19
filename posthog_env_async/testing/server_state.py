"""Everything that one fake knows: settings, projects, keys, windows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Literal

import attrs

from posthog_env_async.testing.data.cohorts_store import CohortStore
from posthog_env_async.testing.data.folders_store import FolderStore
from posthog_env_async.testing.data.logs.rows import LogRows
from posthog_env_async.testing.data.person_actions import PersonActions
from posthog_env_async.testing.data.person_filter import Scans
from posthog_env_async.testing.data.person_rows import PersonRows
from posthog_env_async.testing.data.population import Population
from posthog_env_async.testing.http.errors import not_found
from posthog_env_async.testing.http.keys import Key, Keyring
from posthog_env_async.testing.http.throttles import Throttles

__all__ = ["CapShows", "Installation", "Mode", "Project", "Replica", "Settings", "Version"]

Mode = Literal["rewrite", "routes", "redirect", "projects_only", "environments_only"]
Version = Literal["new", "mid", "old"]
CapShows = Literal["next", "null", "has_next", "count"]


@attrs.frozen(kw_only=True)
class Settings:
    """Hold what does not change while the fake runs."""

    mode: Mode = "rewrite"
    version: Version = "new"
    page_cap: int | None = None
    cap_shows: CapShows = "next"
    false_ends: Collection[int] = ()
    without_batches: Literal[404, 405] | None = None
    folders: bool = True
    max_tools: bool = True
    log_budget: int | None = None
    sunset: str | None = None


@attrs.frozen(kw_only=True)
class Replica:
    """Let one in `every` persons pages come from a replica that is `behind` requests behind."""

    every: int = 3
    behind: int = 1


@attrs.define
class Project:
    """Hold one project and its data."""

    id: int
    name: str
    population: Population
    rows: PersonRows
    logs: LogRows
    scans: Scans
    folders: FolderStore
    actions: PersonActions
    cohorts: CohortStore
    replica: Replica | None = None
    _snapshots: deque[Population] = attrs.field(factory=deque[Population], init=False)

    def remember(self) -> None:
        """Keep the persons as they are, for the replica that stays behind."""
        if self.replica is not None:
            self._snapshots.append(self.population.snapshot())
            while len(self._snapshots) > self.replica.behind + 1:
                self._snapshots.popleft()

    def replica_at(self, number: int) -> Population | None:
        """Give what the replica knows where it answers a request; else `None`."""
        replica = self.replica
        if replica is None or number % replica.every or len(self._snapshots) <= replica.behind:
            return None
        return self._snapshots[0]


@attrs.define
class Installation:
    """Hold the whole server, without its connections."""

    settings: Settings
    keyring: Keyring
    throttles: Throttles
    before_persons_list: Callable[[Project], int]
    projects: dict[int, Project] = attrs.field(factory=dict[int, Project])
    insights: list[list[dict[str, Any]]] = attrs.field(factory=list[list[dict[str, Any]]])

    def project(self, text: str, key: Key) -> Project:
        """Find the project of a path; `@current` is the first one of the key."""
        if text == "@current":
            return self.projects[min(key.scoped_teams or self.projects)]
        number = int(text) if text.isdecimal() else 0
        if number not in self.projects:
            raise not_found("Project not found.")
        return self.projects[number]
