"""`posthog-env demo`: 100,000 persons paged, exported, killed, resumed and verified."""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import anyio
import attrs
from anyio.abc import Process
from cyclopts import App, Parameter

from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import (
    MESSAGES,
    OutputConsole,
    print_message,
    show_table,
)
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.cli.output.progress import Display, ProgressRow
from posthog_env_async.cli.output.wording import duration
from posthog_env_async.client import PostHogEnv
from posthog_env_async.export import verify
from posthog_env_async.pagination import ListingReport
from posthog_env_async.testing import FakePostHog, Fault

__all__ = ["app", "demo"]

EXAMPLES = """Examples:

  posthog-env demo
  posthog-env demo --persons 20000

It needs no key and talks to nobody: the server is a part of this package (posthog-env fake)."""
PREFETCH = 8
SAMPLE = 10
LATENCY = (0.1, 0.3)
LOOK_EVERY = 0.05
OPTIONS = ("--count", "--page-size", "1000", "--prefetch", "8")

app = App(name="demo", help_epilogue=EXAMPLES + EXIT_CODES)


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


@attrs.frozen
class _Killed:
    """An export that was killed after `at` persons, and what it had in the end."""

    at: int
    rows: int
    verdict: str
    uuids: frozenset[str] = attrs.field(repr=False)

    def has_all(self, there: set[str]) -> bool:
        """Whether the file holds everyone, each once, and is what its manifest says."""
        return self.verdict == "OK" and set(self.uuids) == there and self.rows == len(there)


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
            killed = await _kill_and_resume(self.server, path, self.persons)
        there = set(map(str, self.server.uuids()))
        is_complete = (
            paged.report.complete and paged.distinct == len(there) and killed.has_all(there)
        )
        self._sum_up(paged, sequential, killed, is_complete=is_complete)
        return OK if is_complete else INCOMPLETE

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
        """Return how many seconds one page after the other would take, from a sample."""
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

    def _sum_up(
        self, paged: _Paged, sequential: float, killed: _Killed, *, is_complete: bool
    ) -> None:
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
            ("verdict", "complete: everyone, each once" if is_complete else "INCOMPLETE"),
        ]
        print_message("")
        show_table(("", ""), rows, console=OutputConsole(highlight=False))


async def _kill_and_resume(server: FakePostHog, path: Path, persons: int) -> _Killed:
    """Export all persons; kill the process at half of them, and start the same command again."""
    print_message("\n3. Export them, in a process of its own that is killed half-way", style="bold")
    print_message(f"$ posthog-env export persons --out persons.ndjson {' '.join(OPTIONS)}")
    checkpoint = path.with_name(f"{path.name}.checkpoint.json")
    at = 0
    async with await _start(server, path) as process:
        while process.returncode is None and at < persons / 2:
            at = await _rows_in(checkpoint) or at
            await anyio.sleep(LOOK_EVERY)
        with suppress(ProcessLookupError):  # when it was quicker
            process.kill()
    _leave_the_display()
    print_message(
        f"kill -9: the checkpoint knows of {at:,} persons, {path.name} does not exist", style="red"
    )
    print_message("\n4. The same command again", style="bold")
    async with await _start(server, path) as process:
        await process.wait()
    report = await verify(path)
    uuids = await anyio.to_thread.run_sync(_uuids, path) if report.ok else []
    result = "OK" if report.ok else "; ".join(report.problems)
    print_message(f"$ posthog-env verify {path.name}\n{result}: {len(uuids):,} persons")
    return _Killed(at, len(uuids), result, frozenset(uuids))


async def _start(server: FakePostHog, path: Path) -> Process:
    """Start the export; it shows what it does on our stderr."""
    words = ("export", "persons", "--out", str(path), *OPTIONS)
    return await anyio.open_process(
        [sys.executable, "-m", "posthog_env_async", *words],
        env=os.environ
        | {
            "POSTHOG_HOST": server.url,
            "POSTHOG_PERSONAL_API_KEY": server.key,
            "POSTHOG_PROJECT_ID": "1",
        },
        stdin=None,
        stdout=None,
        stderr=None,
    )


def _leave_the_display() -> None:
    """Move the cursor below what the killed process drew on a terminal."""
    MESSAGES.show_cursor(True)
    print_message("")


async def _rows_in(checkpoint: Path) -> int:
    try:
        text = await anyio.Path(checkpoint).read_text()
    except FileNotFoundError:
        return 0
    return int(json.loads(text)["rows"])


def _uuids(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [json.loads(line)["uuid"] for line in file]
