"""`posthog-env demo`: 100,000 persons paged, exported, killed, resumed and verified."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import attrs
from cyclopts import App, Parameter

from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.output.console import OutputConsole, print_message, show_table
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.cli.output.progress.display import Display
from posthog_env_async.cli.output.progress.row import ProgressRow
from posthog_env_async.cli.output.units import duration
from posthog_env_async.client import PostHogEnv
from posthog_env_async.pagination import ListingReport
from posthog_env_async.testing import FakePostHog, Fault

from .killed_export import Killed, kill_and_resume

__all__ = ["app", "demo"]

EXAMPLES = """Examples:

  posthog-env demo
  posthog-env demo --persons 20000

It needs no key and talks to nobody: the server is a part of this package (posthog-env fake)."""
PREFETCH = 8
SAMPLE = 10
LATENCY = (0.1, 0.3)

app = App(name="demo", help_epilogue=epilogue(EXAMPLES))


@app.default
async def demo(
    *,
    persons: Annotated[int, Parameter(help="How many persons the embedded server has.")] = 100_000,
) -> int:
    """Page 100,000 persons of an embedded server, export them, get killed, resume and verify."""
    async with FakePostHog(persons, latency=LATENCY, mode="routes") as server:
        return await _Demo(server, persons).run()


@attrs.frozen
class _Paged:
    report: ListingReport
    distinct: int
    retries: int
    seconds: float


@attrs.define
class _Demo:
    server: FakePostHog
    persons: int

    async def run(self) -> int:
        """Do it all, and return the exit code."""
        print_message(
            f"An embedded server with {self.persons:,} persons answers after"
            f" {LATENCY[0]:g} to {LATENCY[1]:g} s. On the way it fails twice: a 502 and a 429."
        )
        async with PostHogEnv(1, api_key=self.server.key, host=self.server.url) as env:
            paged = await self._page(env)
            sequential = await self._sequential(env)
        with TemporaryDirectory(prefix="posthog-env-demo-") as folder:
            path = Path(folder) / "persons.ndjson"
            killed = await kill_and_resume(self.server, path, self.persons)
        there = set(map(str, self.server.uuids()))
        whole = paged.report.complete and paged.distinct == len(there) and killed.has_all(there)
        self._sum_up(paged, sequential, killed, whole=whole)
        return OK if whole else INCOMPLETE

    async def _page(self, env: PostHogEnv) -> _Paged:
        print_message(f"\n1. Page them all, {PREFETCH} pages ahead", style="bold")
        self.server.faults += [
            Fault(502, action="html", after=5),
            Fault(429, after=15, headers={"Retry-After": "1"}),
        ]
        row, distinct = ProgressRow("persons", total=self.persons), set[str]()
        async with (
            Display([row], waiting=lambda: env.throttled_until),
            env.persons.list(prefetch=PREFETCH).iterate() as run,
        ):
            row.start()
            while (page := await run.next_page()) is not None:
                distinct.update(str(person.uuid) for person in page.items)
                row.add(len(page.items))
            row.end("done")
        print_message(f"{len(distinct):,} distinct persons in {duration(row.seconds)}")
        return _Paged(run.report, len(distinct), env.retries, row.seconds)

    async def _sequential(self, env: PostHogEnv) -> float:
        """Return how long one page after the other would take, from a sample."""
        print_message(
            f"\n2. The same one page after the other: {SAMPLE} pages as a sample", style="bold"
        )
        began = time.monotonic()
        report = ListingReport()
        async with env.persons.list(max_items=SAMPLE * 1000).iterate() as run:
            while await run.next_page() is not None:
                report = run.report
        seconds = (time.monotonic() - began) * self.persons / max(1, report.items)
        print_message(f"at this pace all would take {duration(seconds)}")
        return seconds

    def _sum_up(self, paged: _Paged, sequential: float, killed: Killed, *, whole: bool) -> None:
        report = paged.report
        rows: list[tuple[str, object]] = [
            ("persons", f"{report.items:,}"),
            ("distinct", f"{paged.distinct:,}"),
            ("pages", f"{report.pages:,}"),
            ("requests", f"{report.requests:,}"),
            ("retries", f"{paged.retries:,}"),
            ("seconds", f"{paged.seconds:.1f}"),
            ("one page after the other", f"{sequential:.1f} (measured on {SAMPLE} pages)"),
            ("export killed at", f"{killed.at:,} persons"),
            ("export resumed and verified", f"{killed.rows:,} persons, {killed.verdict}"),
            ("verdict", "complete: everyone, each once" if whole else "INCOMPLETE"),
        ]
        print_message("")
        show_table(("", ""), rows, console=OutputConsole())
