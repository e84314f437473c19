"""An app that hands an export to taskiq workers and awaits it: `python taskiq_worker.py`.

The workers are `taskiq worker taskiq_worker:broker`; they take the key and the Redis from their
environment, and all of them together keep to one limit.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from loopback import redis_server, started

from posthog_env_async import Limit, PostHogEnv
from posthog_env_async.export.partitions.merge import merge
from posthog_env_async.export.partitions.plan import PartitionResult, plan
from posthog_env_async.integrations.taskiq import export_partitions, partition_broker
from posthog_env_async.testing import FakePostHog

WORKERS = 2
LIMITS = [Limit(50, 1.0)]

if "EXAMPLE_REDIS" in os.environ:
    broker = partition_broker(os.environ["EXAMPLE_REDIS"], limits=LIMITS, longest_task=60.0)


def show(result: PartitionResult) -> None:
    """Say what a worker did."""
    print(f"partition {result.partition.number} of {result.partition.of}: {result.rows} rows")


async def export(env: PostHogEnv, redis: str, folder: Path) -> None:
    """Start workers, hand them partitions, and merge what they made."""
    words = [sys.executable, "-m", "taskiq", "worker", "taskiq_worker:broker"]
    with ExitStack() as stack:
        for _ in range(WORKERS):
            stack.enter_context(
                started(
                    [*words, "--workers", "1", "--max-async-tasks", "2"],
                    EXAMPLE_REDIS=redis,
                    POSTHOG_PERSONAL_API_KEY=os.environ["POSTHOG_PERSONAL_API_KEY"],
                    POSTHOG_HOST=env.host,
                )
            )
        app_broker = partition_broker(redis, limits=LIMITS, longest_task=60.0)
        await app_broker.startup()
        try:
            partitions = await plan(env, partitions=8)
            results = await export_partitions(app_broker, partitions, folder, on_result=show)
        finally:
            await app_broker.shutdown()
    report = await merge(results, folder / "persons.ndjson", env=env)
    print(f"{report.rows} persons, complete: {report.complete}")


async def main() -> None:
    """Run everything on the loopback."""
    async with FakePostHog(persons=20_000, mode="routes") as fake, redis_server() as redis:
        os.environ["POSTHOG_PERSONAL_API_KEY"] = fake.key
        with TemporaryDirectory() as folder:
            async with PostHogEnv(1, host=fake.url) as env:
                await export(env, redis, Path(folder))


if __name__ == "__main__":
    anyio.run(main)
