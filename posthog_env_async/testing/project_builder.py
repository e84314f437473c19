"""Build the installation behind a fake from what its user asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import attrs

from posthog_env_async.testing.data.activity import ActivityLog
from posthog_env_async.testing.data.cohorts_store import CohortStore
from posthog_env_async.testing.data.erasures import Erasures
from posthog_env_async.testing.data.folders_store import FolderStore
from posthog_env_async.testing.data.hashing import mix
from posthog_env_async.testing.data.logs.rows import LogRows
from posthog_env_async.testing.data.pending import Pending
from posthog_env_async.testing.data.person_actions import PersonActions
from posthog_env_async.testing.data.person_filter import Scans
from posthog_env_async.testing.data.person_rows import PersonRows
from posthog_env_async.testing.data.population import Orphans, Population

from .server_state import Project, Replica

__all__ = ["ProjectPlan", "microseconds", "totals"]


@attrs.frozen(kw_only=True)
class ProjectPlan:
    """Hold how the data of every project is made."""

    seed: int
    tie: int
    orphans: Orphans
    odd_persons: bool
    person_bytes: int | None
    last_seen: bool
    logs: int
    now: int
    log_tie: int
    skew: float
    replica: Replica | None
    change_delay: float | None
    verify_after: float | None

    def build(self, number: int, persons: int) -> Project:
        """Make a project; nothing is generated yet."""
        salt = mix(self.seed, number)
        population = Population(persons, salt, self.tie, self.orphans)
        rows = PersonRows(
            population, self.odd_persons, self.person_bytes, self.last_seen, self.skew
        )
        actions = PersonActions(
            rows, Pending(self.change_delay), Erasures(self.verify_after), ActivityLog(salt)
        )
        return Project(
            id=number,
            name=f"Project {number}",
            population=population,
            rows=rows,
            logs=LogRows(self.logs, self.now, salt, tie=self.log_tie),
            scans=Scans(rows),
            folders=FolderStore(salt),
            actions=actions,
            cohorts=CohortStore(),
            replica=self.replica,
        )


def totals(persons: int | Mapping[int, int]) -> dict[int, int]:
    """Read how many persons each project has."""
    return {1: persons} if isinstance(persons, int) else dict(persons)


def microseconds(now: datetime | None, wall: Callable[[], float]) -> int:
    """Read the time of the newest log entry; the wall clock, in whole seconds, by default."""
    return int(now.timestamp() * 1_000_000) if now is not None else int(wall()) * 1_000_000
