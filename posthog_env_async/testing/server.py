"""The embedded server: start it, look at it, change it, break it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from random import Random
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import attrs
from aiohttp import web

from posthog_env_async.testing.data.drift import Drift, drift_once
from posthog_env_async.testing.data.population import Orphans, Population
from posthog_env_async.testing.http.faults import Fault
from posthog_env_async.testing.http.keys import DEFAULT_KEY, Key, Keyring
from posthog_env_async.testing.http.request import Recorded
from posthog_env_async.testing.http.throttles import RetryAfter, Throttles, Windows

from .handler import Latency, Serving
from .project_builder import ProjectPlan, microseconds, totals
from .server_state import Installation, Mode, Project, Settings, Version

__all__ = ["FakePostHog"]

SUNSET = "Fri, 31 Jul 2026 00:00:00 GMT"
Persons = int | Mapping[int, int]


@attrs.define(eq=False)
class FakePostHog:
    """Serve what PostHog's environments API serves, on the loopback, for tests and demos.

    Every fact comes from docs/server.md; the guide `docs/testing.md` explains each setting.
    """

    persons: Persons = 100_000
    seed: int = attrs.field(default=0, kw_only=True)
    key: str = attrs.field(default=DEFAULT_KEY, kw_only=True, repr=False)
    scopes: Iterable[str] = attrs.field(default=("*",), kw_only=True)
    scoped_teams: Iterable[int] = attrs.field(default=(), kw_only=True)
    mode: Mode = attrs.field(default="rewrite", kw_only=True)
    version: Version = attrs.field(default="new", kw_only=True)
    throttles: Mapping[str, Windows] | None = attrs.field(default=None, kw_only=True)
    retry_after: RetryAfter = attrs.field(default="seconds", kw_only=True)
    latency: Latency = attrs.field(default=0.0, kw_only=True)
    orphans: Orphans = attrs.field(default=0.0, kw_only=True)
    page_cap: int | None = attrs.field(default=None, kw_only=True)
    person_bytes: int | None = attrs.field(default=None, kw_only=True)
    odd_persons: bool = attrs.field(default=False, kw_only=True)
    tie: int = attrs.field(default=1, kw_only=True)
    gzip: bool = attrs.field(default=False, kw_only=True)
    drift: Drift | None = attrs.field(default=None, kw_only=True)
    folders: bool = attrs.field(default=True, kw_only=True)
    max_tools: bool = attrs.field(default=True, kw_only=True)
    logs: int = attrs.field(default=10_000, kw_only=True)
    log_tie: int = attrs.field(default=1, kw_only=True)
    log_budget: int | None = attrs.field(default=None, kw_only=True)
    now: datetime | None = attrs.field(default=None, kw_only=True)
    sunset: str | None = attrs.field(default=SUNSET, kw_only=True)
    internal_url: str | None = attrs.field(default=None, kw_only=True)
    sub_path: str = attrs.field(default="", kw_only=True)
    host: str = attrs.field(default="127.0.0.1", kw_only=True)
    port: int = attrs.field(default=0, kw_only=True)

    _plan: ProjectPlan = attrs.field(init=False, repr=False)
    _site: Installation = attrs.field(init=False, repr=False)
    _serving: Serving = attrs.field(init=False, repr=False)
    _drifting: Random = attrs.field(init=False, repr=False)
    _chance: Random = attrs.field(init=False, repr=False)
    _lists: int = attrs.field(default=0, init=False, repr=False)
    _runner: web.AppRunner | None = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._drifting = Random(self.drift.seed if self.drift else 0)
        self._chance = Random(self.seed)
        self._plan = self._new_plan()
        keyring, throttles = Keyring(), Throttles(self.throttles or {}, self.retry_after)
        self._site = Installation(self._settings(), keyring, throttles, self._before_persons_list)
        self._serving = Serving(
            site=self._site,
            latency=self.latency,
            gzip=self.gzip,
            internal_url=self.internal_url,
            sub_path=self.sub_path.rstrip("/"),
            chance=Random(self.seed),
        )
        self.add_key(self.key, scopes=self.scopes, scoped_teams=self.scoped_teams)
        for number, count in totals(self.persons).items():
            self.add_project(number, persons=count)

    def _settings(self) -> Settings:
        return Settings(
            mode=self.mode,
            version=self.version,
            page_cap=self.page_cap,
            folders=self.folders,
            max_tools=self.max_tools,
            log_budget=self.log_budget,
            sunset=self.sunset,
        )

    def _new_plan(self) -> ProjectPlan:
        return ProjectPlan(
            seed=self.seed,
            tie=self.tie,
            orphans=self.orphans,
            odd_persons=self.odd_persons,
            person_bytes=self.person_bytes,
            last_seen=self.version == "new",
            logs=self.logs,
            now=microseconds(self.now, time.time),
            log_tie=self.log_tie,
        )

    # life

    async def __aenter__(self) -> Self:
        self._serving.closing.clear()
        runner = web.AppRunner(self._serving.app(), access_log=None, shutdown_timeout=0.05)
        await runner.setup()
        await web.TCPSite(runner, self.host, self.port).start()
        self._runner = runner
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop serving; what waits in a stall is let go. Closing twice does nothing."""
        self._serving.closing.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def url(self) -> str:
        """Give the address to use as `host` of a client, such as ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: The server does not run.
        """
        if self._runner is None:
            raise RuntimeError("FakePostHog does not run: use `async with FakePostHog() as fake:`")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}{self.sub_path}"

    # what happened, and what shall happen

    @property
    def requests(self) -> list[Recorded]:
        """Give all requests in the order of arrival; clear the list to start anew."""
        return self._serving.requests

    @property
    def unknown(self) -> list[Recorded]:
        """Give the requests for routes that PostHog does not have; assert that there are none."""
        return self._serving.unknown

    @property
    def faults(self) -> list[Fault]:
        """Give the faults still to be played; append to it."""
        return self._serving.faults

    @faults.setter
    def faults(self, faults: list[Fault]) -> None:
        self._serving.faults = faults

    @property
    def in_flight(self) -> int:
        """Give how many requests are being answered now."""
        return self._serving.in_flight

    @property
    def peak_in_flight(self) -> int:
        """Give the highest number of requests that were answered at one time."""
        return self._serving.peak_in_flight

    # keys and projects

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

    def add_person(self, *, project: int = 1, **fields: Any) -> UUID:
        """Add one person at the front with fields of your own, e.g. `properties={…}`, `name=…`.

        Fields that are not given are made up.
        """
        return self._population(project).insert(0, fields)

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

    def _population(self, project: int) -> Population:
        return self._site.projects[project].population

    def _before_persons_list(self, project: Project) -> None:
        self._lists += 1
        drift = self.drift
        if drift is None or self._lists % drift.every:
            return
        if drift.script is not None:
            drift.script(self, self._lists)
        else:
            drift_once(drift, project.population, self._drifting)
