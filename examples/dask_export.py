"""An export on a Dask cluster, opened as a Dask bag: `python dask_export.py`."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from distributed import Client, LocalCluster
from loopback import redis_server

from posthog_env_async import Limit, PostHogEnv
from posthog_env_async.export.partitions.merge import merge
from posthog_env_async.export.partitions.plan import plan
from posthog_env_async.integrations.dask import export_partitions, read_persons
from posthog_env_async.testing import FakePostHog

LIMITS = [Limit(50, 1.0)]


async def export(env: PostHogEnv, redis: str, folder: Path) -> None:
    """Read the partitions on a cluster of this machine, merge them, and count with Dask."""
    async with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            asynchronous=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as cluster,
        Client(cluster, asynchronous=True) as client,
    ):
        partitions = await plan(env, partitions=8)
        results = await export_partitions(
            client, partitions, folder, redis_url=redis, limits=LIMITS
        )
        report = await merge(results, folder / "persons.ndjson", env=env)
        print(f"{report.rows} persons, complete: {report.complete}")
        plans = read_persons(report.path).pluck("properties").pluck("plan", "none")
        print("by plan:", dict(await client.compute(plans.frequencies())))


async def main() -> None:
    """Run everything on the loopback."""
    async with FakePostHog(persons=20_000, mode="routes") as fake, redis_server() as redis:
        os.environ.update(POSTHOG_PERSONAL_API_KEY=fake.key, POSTHOG_HOST=fake.url)
        with TemporaryDirectory() as folder:
            async with PostHogEnv(1, host=fake.url) as env:
                await export(env, redis, Path(folder))


if __name__ == "__main__":
    anyio.run(main)
