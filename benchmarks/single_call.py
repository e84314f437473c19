"""One call beside bare aiohttp: `python -m benchmarks.single_call [--profile]`.

`env.persons.get` against `session.get` with `json.loads`, one at a time and sixteen at once, in
turns in one process, from a page server in another. The ratio is calls a second of ours to those of
aiohttp; the second one is of the time of this process' processor alone.
"""

import asyncio
import cProfile
import json
import pstats
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp

from posthog_env_async import PostHogEnv

from .cases import Case
from .machine import machine, versions
from .results import CaseResult
from .rows import uuid
from .running import serving
from .server import KEY

__all__ = ["main", "measure_calls"]

ROUNDS = 9
CALLS = 400
PERSONS = 1_000
AT_ONCE = (1, 16)
Call = Callable[[int], Awaitable[object]]


async def _seconds(call: Call, at_once: int) -> tuple[float, float]:
    """Return the seconds that `CALLS` calls take, so many at once: by the wall, and busy."""
    numbers = iter(range(CALLS))

    async def worker() -> None:
        for number in numbers:
            await call(number % PERSONS)

    began, busy = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return time.perf_counter() - began, time.process_time() - busy


def _bare(http: aiohttp.ClientSession, url: str) -> Call:
    headers = {"Authorization": f"Bearer {KEY}"}

    async def call(number: int) -> object:
        place = f"{url}/api/projects/1/persons/{uuid(number)}/"
        async with http.get(place, headers=headers) as answer:
            return json.loads(await answer.read())

    return call


def _ours(env: PostHogEnv) -> Call:
    return lambda number: env.persons.get(uuid(number))


Taken = dict[str, list[tuple[float, float]]]


async def _compare(url: str) -> dict[int, Taken]:
    async with (
        aiohttp.ClientSession() as http,
        PostHogEnv(1, api_key=KEY, host=url, prefix="projects", limits=None) as env,
    ):
        calls = {"bare": _bare(http, url), "ours": _ours(env)}
        return {at_once: await _taken(calls, at_once) for at_once in AT_ONCE}


async def _taken(calls: dict[str, Call], at_once: int) -> Taken:
    took: Taken = {name: [] for name in calls}
    for call in calls.values():
        await _seconds(call, at_once)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            took[name].append(await _seconds(call, at_once))
    return took


def _shown(took: Taken, which: int) -> str:
    times = {name: [sample[which] for sample in samples] for name, samples in took.items()}
    bare, ours = (statistics.median(times[name]) / CALLS * 1e6 for name in ("bare", "ours"))
    pairs = zip(times["bare"], times["ours"], strict=True)
    ratio = statistics.median(first / second for first, second in pairs)
    return f"aiohttp {bare:.0f} µs, ours {ours:.0f} µs, ratio {ratio:.2f}"


def measure_calls(command: str) -> CaseResult:
    """Measure, print the ratios, and return a case whose times are those of one call."""
    with serving(Case("single call", "one call", (), total=PERSONS)) as server:
        taken = asyncio.run(_compare(server.url))
    result = CaseResult("one call", command, machine(), versions())
    for at_once, took in taken.items():
        print(f"{at_once:2} at once: {_shown(took, 0)}; processor: {_shown(took, 1)}")
        for name, label in (("bare", "bare aiohttp and json.loads"), ("ours", "persons.get")):
            result.labels[f"{name}-{at_once}"] = f"{label}, {at_once} at once"
            result.samples[f"{name}-{at_once}"] = [
                {"persons": CALLS, "seconds": wall / CALLS, "cpu": busy / CALLS}
                for wall, busy in took[name]
            ]
    return result


async def _profile(url: str) -> None:
    async with PostHogEnv(1, api_key=KEY, host=url, prefix="projects", limits=None) as env:
        await _seconds(_ours(env), 1)
        with cProfile.Profile() as profile:
            for _ in range(5):
                await _seconds(_ours(env), 1)
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def main() -> None:
    """Measure, or show where the time of our call goes."""
    if "--profile" not in sys.argv:
        measure_calls("python -m benchmarks.single_call")
        return
    with serving(Case("single call", "one call", (), total=PERSONS)) as server:
        asyncio.run(_profile(server.url))


if __name__ == "__main__":
    main()
