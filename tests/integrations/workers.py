"""Starts workers, and measures what a server that counts saw of them."""

import json
import os
import shutil
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import attrs
import pytest

from posthog_env_async.testing import FakePostHog

WORKER = Path(__file__).with_name("limit_worker.py")
WRONG_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long off(void) {
  const char *text = getenv("CLOCK_IS_WRONG_BY");
  return text ? atol(text) : 0;
}
int clock_gettime(clockid_t id, struct timespec *ts) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, ts);
  if (id == CLOCK_REALTIME) ts->tv_sec += off();
  return result;
}
"""


@attrs.frozen
class Orders:
    """What all workers of a run are told."""

    kind: str
    place: str
    limits: tuple[tuple[int, float], ...]
    seconds: float
    tasks: int = 4
    lease: float = 30.0


@attrs.frozen
class Outcome:
    """What the workers did; one that was killed has no count."""

    done: tuple[int | None, ...]
    clocks: tuple[float, ...]


def wrong_clock(folder: Path) -> Path:
    """Build a library that sets the wall clock of the process which preloads it."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a wrong clock needs Linux and a C compiler")
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(WRONG_CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


async def run_workers(
    fake: FakePostHog,
    orders: Orders,
    environments: Sequence[dict[str, str]],
    *,
    kill: int = 0,
) -> Outcome:
    """Run one worker an environment, all at once, and kill some in the middle."""
    told: dict[str, Any] = {**attrs.asdict(orders), "key": fake.key, "host": fake.url}
    processes = [
        await anyio.open_process(
            [sys.executable, "-W", "error", str(WORKER), json.dumps(told)], env=given, stderr=None
        )
        for given in environments
    ]
    clocks = [float((await _line(process)).split()[1]) for process in processes]
    fake.requests.clear()
    for process in processes:
        assert process.stdin is not None
        await process.stdin.send(b"go\n")
    if kill:
        await anyio.sleep(orders.seconds / 2)
    for process in processes[:kill]:
        process.kill()
    done: list[int | None] = []
    for number, process in enumerate(processes):
        done.append(None if number < kill else json.loads(await _line(process))["done"])
        await process.aclose()
    return Outcome(tuple(done), tuple(clocks))


async def _line(process: anyio.abc.Process) -> str:
    assert process.stdout is not None
    text = b""
    try:
        while not text.endswith(b"\n"):
            text += await process.stdout.receive()
    except anyio.EndOfStream:
        pytest.fail("a worker ended before it was told to")
    return text.decode()


def most_in_any(seconds: float, times: Sequence[float]) -> int:
    """Return the most times that lie in any half-open window of so many seconds."""
    return max(
        (bisect_right(times, at + seconds - 1e-9) - i for i, at in enumerate(times)), default=0
    )


def arrivals(fake: FakePostHog) -> list[float]:
    """Return when requests came, as the server saw it."""
    return sorted(request.at for request in fake.requests)


def refusals(fake: FakePostHog) -> int:
    """Return how many requests the server answered 429."""
    return sum(request.status == 429 for request in fake.requests)


def preloading(
    environment: dict[str, str], library: os.PathLike[str], seconds: int
) -> dict[str, str]:
    """Return an environment whose processes have a wall clock that is wrong."""
    return {**environment, "LD_PRELOAD": str(library), "CLOCK_IS_WRONG_BY": str(seconds)}


def say(figures: str) -> None:
    """Show what was measured, to whoever runs with `-s`."""
    sys.stdout.write(f"\n{figures}\n")
