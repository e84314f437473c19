"""Growth with what runs at once: `python -m benchmarks.concurrency [--dry]`.

Exports of 1 to 200 projects together, and 1 to 10,000 `get`s together, each point in a fresh
process: seconds, and the peak of its memory. Writes docs/_static/benchmarks/concurrency.json
and a picture beside it.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
from attrs import asdict, frozen

from posthog_env_async import PostHogEnv
from posthog_env_async.export import ExportJob, export_many

from .cases import Case
from .rows import uuid
from .running import Server, serving
from .server import KEY

__all__ = ["main"]

PROJECTS = (1, 2, 5, 10, 20, 40, 100, 200)
CALLS = (1, 10, 100, 1000, 10_000)
PERSONS = 5_000
ROUNDS = 3
FOLDER = Path(__file__).parent.parent / "docs/_static/benchmarks"


@frozen
class Point:
    """One measured point: how many at once, seconds, and megabytes at the peak."""

    kind: str
    at_once: int
    seconds: float
    megabytes: float


async def _projects(env: PostHogEnv, number: int, folder: str) -> None:
    jobs = [
        ExportJob(env.for_project(n + 1).persons.list(), f"{folder}/{n}.ndjson")
        for n in range(number)
    ]
    report = await export_many(jobs, concurrency=number)
    assert sum(outcome.report.rows for outcome in report.outcomes if outcome.report) == (
        number * PERSONS
    )


async def _calls(env: PostHogEnv, number: int, _: str) -> None:
    async with anyio.create_task_group() as group:
        for n in range(number):
            group.start_soon(env.persons.get, uuid(n % PERSONS))


async def _measure(kind: str, number: int, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with PostHogEnv(1, api_key=KEY, host=url, prefix="projects", limits=None) as env:
            await env.persons.get(uuid(0))
            began = time.perf_counter()
            await (_projects if kind == "projects" else _calls)(env, number, folder)
            seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": peak}))


def _point(kind: str, number: int, server: Server) -> Point:
    samples: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-m", "benchmarks.concurrency", kind, str(number), server.url]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        samples.append(json.loads(done.stdout))
    seconds, peak = (
        statistics.median(sample[name] for sample in samples) for name in ("seconds", "megabytes")
    )
    return Point(kind, number, seconds, peak)


def _show(points: Sequence[Point]) -> None:
    one = {point.kind: point for point in reversed(points)}
    print("| at once | seconds | of one, each | peak memory | above one |\n|---|---|---|---|---|")
    for point in points:
        first = one[point.kind]
        each = point.seconds / point.at_once / first.seconds
        above = point.megabytes - first.megabytes
        print(
            f"| {point.at_once:,} {point.kind} | {point.seconds:.3f} | {each:.2f} |"
            f" {point.megabytes:.0f} MB | {above:+.0f} MB |"
        )


def _draw(points: Sequence[Point]) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415 - measuring works without it

    figure = Figure(figsize=(8, 3.2))
    speed, memory = figure.subplots(1, 2)
    for kind, style in (("projects", "o-"), ("calls", "s--")):
        own = [point for point in points if point.kind == kind]
        at_once = [point.at_once for point in own]
        speed.plot(at_once, [p.at_once / p.seconds for p in own], style, label=kind)
        memory.plot(at_once, [p.megabytes for p in own], style, label=kind)
    for axes, title in ((speed, "a second"), (memory, "peak memory, MB")):
        axes.set(title=title, xlabel="at once", xscale="log")
        axes.spines[["top", "right"]].set_visible(False)
    speed.set_yscale("log")
    memory.set_ylim(bottom=0)
    memory.legend(frameon=False)
    figure.savefig(FOLDER / "concurrency.svg", format="svg", metadata={"Date": None})


def main() -> None:
    """Measure every point, print the table, and keep it with its picture."""
    if len(sys.argv) > 3:
        kind, number, url = sys.argv[1:]
        anyio.run(_measure, kind, int(number), url)
        return
    points: list[Point] = []
    with serving(Case("concurrency", "at once", (), total=PERSONS)) as server:
        for kind, numbers in (("projects", PROJECTS), ("calls", CALLS)):
            points += [_point(kind, number, server) for number in numbers]
    _show(points)
    if "--dry" not in sys.argv:
        (FOLDER / "concurrency.json").write_text(json.dumps([asdict(p) for p in points], indent=1))
        _draw(points)


if __name__ == "__main__":
    main()
