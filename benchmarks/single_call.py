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
from .rows import uuid
from .running import serving
from .server import KEY

__all__ = ["main"]

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


async def _compare(url: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        PostHogEnv(1, api_key=KEY, host=url, prefix="projects", limits=None) as env,
    ):
        calls = {"bare": _bare(http, url), "ours": _ours(env)}
        for at_once in AT_ONCE:
            took: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
            for call in calls.values():
                await _seconds(call, at_once)
            for _ in range(ROUNDS):
                for name, call in calls.items():
                    took[name].append(await _seconds(call, at_once))
            print(f"{at_once:2} at once: {_shown(took, 0)}; processor: {_shown(took, 1)}")


def _shown(took: dict[str, list[tuple[float, float]]], which: int) -> str:
    times = {name: [sample[which] for sample in samples] for name, samples in took.items()}
    bare, ours = (statistics.median(times[name]) / CALLS * 1e6 for name in ("bare", "ours"))
    pairs = zip(times["bare"], times["ours"], strict=True)
    ratio = statistics.median(first / second for first, second in pairs)
    return f"aiohttp {bare:.0f} µs, ours {ours:.0f} µs, ratio {ratio:.2f}"


async def _profile(url: str) -> None:
    async with PostHogEnv(1, api_key=KEY, host=url, prefix="projects", limits=None) as env:
        await _seconds(_ours(env), 1)
        with cProfile.Profile() as profile:
            for _ in range(5):
                await _seconds(_ours(env), 1)
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def main() -> None:
    """Measure, or show where the time of our call goes."""
    job = _profile if "--profile" in sys.argv else _compare
    with serving(Case("single call", "one call", (), total=PERSONS)) as server:
        asyncio.run(job(server.url))


if __name__ == "__main__":
    main()
