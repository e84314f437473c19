"""What a place in the shared limit costs, beside a request: `python -m benchmarks.limiter`."""

import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from posthog_env_async import Limit, PostHogEnv
from posthog_env_async.integrations.redis import RedisLimiter
from posthog_env_async.integrations.sqlite import SQLiteLimiter
from posthog_env_async.session import Limiter, RateLimiter, as_limits
from posthog_env_async.testing import FakePostHog

__all__ = ["main"]

ROUNDS = 5
TIMES = 1000
LIMITS = [Limit(1_000_000, 60.0)]


async def acquire(limiter: Limiter) -> tuple[float, float]:
    """Return the median microseconds of taking a place and of giving it back."""
    taking, giving = list[float](), list[float]()
    for _ in range(TIMES):
        place = limiter.permit("persons", max_wait=60.0)
        began = time.perf_counter()
        await place.__aenter__()
        taken = time.perf_counter()
        await place.__aexit__(None, None, None)
        taking.append(taken - began)
        giving.append(time.perf_counter() - taken)
    return statistics.median(taking) * 1e6, statistics.median(giving) * 1e6


async def best(measure: Callable[[], Awaitable[tuple[float, float]]]) -> tuple[float, float]:
    """Return the round in which the machine was disturbed the least."""
    return min([await measure() for _ in range(ROUNDS)])


async def request() -> float:
    """Return the median microseconds of a page of one person over the loopback."""
    took = list[float]()
    async with (
        FakePostHog(persons=10, mode="routes") as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env,
    ):
        for _ in range(300):
            began = time.perf_counter()
            await env.persons.list(page_size=1).page()
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


async def measure(port: int, folder: Path) -> None:
    """Print a line for each limiter."""
    async with (
        RedisLimiter(f"redis://127.0.0.1:{port}/0", LIMITS) as redis,
        SQLiteLimiter(folder / "limits.db", LIMITS) as sqlite,
    ):
        limiters: dict[str, Limiter] = {
            "in process": RateLimiter(as_limits(LIMITS)),
            "Redis": redis,
            "SQLite": sqlite,
        }
        for name, limiter in limiters.items():
            taking, giving = await best(lambda limiter=limiter: acquire(limiter))
            print(f"{name:12} acquire {taking:7.0f} µs, release {giving:7.0f} µs")
    print(f"{'a request':12} {await request():15.0f} µs, on the loopback")


def main() -> None:
    """Start a Redis of our own and measure."""
    program = shutil.which("redis-server") or sys.exit("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with TemporaryDirectory() as name:
        words = [program, "--port", str(port), "--save", "", "--dir", name]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            anyio.run(measure, port, Path(name))
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
