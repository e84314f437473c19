"""Everything that one fake knows: settings, projects, keys, windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs

from posthog_env_async.testing.data.folders_store import FolderStore
from posthog_env_async.testing.data.log_rows import LogRows
from posthog_env_async.testing.data.person_filter import Scans
from posthog_env_async.testing.data.person_rows import PersonRows
from posthog_env_async.testing.data.population import Population
from posthog_env_async.testing.http.errors import not_found
from posthog_env_async.testing.http.keys import Key, Keyring
from posthog_env_async.testing.http.throttles import Throttles

__all__ = ["Installation", "Mode", "Project", "Settings", "Version"]

Mode = Literal["rewrite", "routes", "redirect", "projects_only", "environments_only"]
Version = Literal["new", "mid", "old"]


@attrs.frozen(kw_only=True)
class Settings:
    """Hold what does not change while the fake runs."""

    mode: Mode = "rewrite"
    version: Version = "new"
    page_cap: int | None = None
    folders: bool = True
    max_tools: bool = True
    log_budget: int | None = None
    sunset: str | None = None


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


@attrs.define
class Installation:
    """Hold the whole server, without its connections."""

    settings: Settings
    keyring: Keyring
    throttles: Throttles
    before_persons_list: Callable[[Project], None]
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
