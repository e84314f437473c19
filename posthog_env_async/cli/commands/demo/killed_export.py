"""The demo's second half: an export in a process of its own, killed half-way, and resumed."""

import json
import os
import sys
from pathlib import Path

import anyio
import attrs
from anyio.abc import Process

from posthog_env_async.cli.output.console import MESSAGES, print_message
from posthog_env_async.export import verify
from posthog_env_async.testing import FakePostHog

__all__ = ["Killed", "kill_and_resume"]

LOOK_EVERY = 0.05
OPTIONS = ("--count", "--page-size", "1000", "--prefetch", "8")


@attrs.frozen
class Killed:
    """An export that was killed after `at` persons, and what it had in the end."""

    at: int
    rows: int
    verdict: str
    uuids: frozenset[str] = attrs.field(repr=False)

    def has_all(self, there: set[str]) -> bool:
        """Whether the file holds everyone, each once, and is what its manifest says."""
        return self.verdict == "OK" and set(self.uuids) == there and self.rows == len(there)


async def kill_and_resume(server: FakePostHog, path: Path, persons: int) -> Killed:
    """Export all persons; kill the process at half of them, and start the same command again."""
    print_message("\n3. Export them, in a process of its own that is killed half-way", style="bold")
    print_message(f"$ posthog-env export persons --out persons.ndjson {' '.join(OPTIONS)}")
    checkpoint = path.with_name(f"{path.name}.checkpoint.json")
    at = 0
    async with await _start(server, path) as process:
        while process.returncode is None and at < persons / 2:
            await anyio.sleep(LOOK_EVERY)
            at = await _rows_in(checkpoint) or at
        if process.returncode is None:
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
    found = "OK" if report.ok else "; ".join(report.problems)
    print_message(f"$ posthog-env verify {path.name}\n{found}: {len(uuids):,} persons")
    return Killed(at, len(uuids), found, frozenset(uuids))


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
    """Go below what the killed process was drawing on a terminal."""
    if MESSAGES.is_terminal:
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
