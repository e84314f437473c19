"""The embedded server: start it, look at it, change it, break it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from random import Random
from types import TracebackType
from typing import Literal, Self

import attrs
from aiohttp import web

from posthog_env_async.testing.data.drift import Drift, drift_once
from posthog_env_async.testing.data.population import Orphans
from posthog_env_async.testing.http.faults import Fault
from posthog_env_async.testing.http.keys import DEFAULT_KEY, Keyring
from posthog_env_async.testing.http.request import Recorded
from posthog_env_async.testing.http.throttles import RetryAfter, Throttles, Windows

from .controls import Controls
from .handler import Latency, Serving
from .loop_thread import LoopThread
from .project_builder import ProjectPlan, microseconds, totals
from .server_state import CapShows, Installation, Mode, Project, Replica, Settings, Version

__all__ = ["FakePostHog"]

SUNSET = "Fri, 31 Jul 2026 00:00:00 GMT"
Persons = int | Mapping[int, int]


@attrs.define(eq=False)
class FakePostHog(Controls):
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
    cap_shows: CapShows = attrs.field(default="next", kw_only=True)
    false_ends: Collection[int] = attrs.field(default=(), kw_only=True)
    replica: Replica | None = attrs.field(default=None, kw_only=True)
    skew: float = attrs.field(default=0.0, kw_only=True)
    change_delay: float | None = attrs.field(default=0.0, kw_only=True)
    verify_after: float | None = attrs.field(default=0.0, kw_only=True)
    without_batches: Literal[404, 405] | None = attrs.field(default=None, kw_only=True)
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
    _thread: LoopThread | None = attrs.field(default=None, init=False, repr=False)

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
            cap_shows=self.cap_shows,
            false_ends=self.false_ends,
            without_batches=self.without_batches,
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
            skew=self.skew,
            replica=self.replica,
            change_delay=self.change_delay,
            verify_after=self.verify_after,
        )

    # life

    async def __aenter__(self) -> Self:
        self._serving.closing = asyncio.Event()
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

    def __enter__(self) -> Self:
        """Serve in a thread, for tests that have no event loop."""
        thread = LoopThread.started()
        try:
            thread.run(self.__aenter__())
        except BaseException:
            thread.stop()
            raise
        self._thread = thread
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.run(self.aclose())
            thread.stop()

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
            raise RuntimeError(
                "FakePostHog does not run: use `with FakePostHog() as fake:` or `async with`"
            )
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

    def _before_persons_list(self, project: Project) -> int:
        self._lists += 1
        drift = self.drift
        if drift is not None and self._lists % drift.every == 0:
            if drift.script is not None:
                drift.script(self, self._lists)
            else:
                drift_once(drift, project.actions, self._drifting)
        project.remember()
        return self._lists
