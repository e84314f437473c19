"""Exports on a Dask cluster, of which workers are killed."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from posthog_env_async import Limit, PostHogEnv
from posthog_env_async.export.partitions.plan import plan
from posthog_env_async.testing import FakePostHog

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")

from posthog_env_async.export.partitions.merge import merge
from posthog_env_async.export.partitions.run import run_partition
from posthog_env_async.integrations.dask import export_partitions, read_persons

from .test_taskiq import merged_rows
from .workers import most_in_any, refusals, say


@asynccontextmanager
async def cluster_for(
    fake: FakePostHog, worker_environment: dict[str, str]
) -> AsyncIterator["distributed.LocalCluster"]:
    os.environ["POSTHOG_PERSONAL_API_KEY"] = fake.key
    os.environ["POSTHOG_HOST"] = fake.url
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = worker_environment["PYTHONPATH"]
    async with distributed.LocalCluster(
        n_workers=3,
        threads_per_worker=2,
        processes=True,
        asynchronous=True,
        dashboard_address=None,
        host="127.0.0.1",
        silence_logs=50,
    ) as made:
        yield made
    del os.environ["POSTHOG_PERSONAL_API_KEY"], os.environ["POSTHOG_HOST"]
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.mark.parametrize(
    ("projects", "rate", "kills"), [(4, 40, 1), pytest.param(40, 40, 2, marks=pytest.mark.slow)]
)
async def test_a_cluster_exports_projects_though_workers_are_killed(
    worker_environment: dict[str, str],
    redis_url: str,
    tmp_path: Path,
    projects: int,
    rate: int,
    kills: int,
) -> None:
    sizes = dict.fromkeys(range(1, projects + 1), 3000)
    server = FakePostHog(
        persons=sizes, mode="routes", latency=0.05, throttles={"persons": ((rate, 1.0),)}
    )
    async with (
        server as fake,
        cluster_for(fake, worker_environment) as cluster,
        distributed.Client(cluster, asynchronous=True) as user,
    ):
        async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env:
            rows = 1_000 if projects > 4 else 500
            partitions = await plan(env, projects=list(sizes), rows_per_partition=rows)
        fake.requests.clear()

        async def kill_some() -> None:
            for number in range(kills):
                while len(fake.requests) < len(partitions) * (number + 1) / (kills + 1):
                    await anyio.sleep(0.05)
                os.kill(cluster.workers[number].process.pid, signal.SIGKILL)

        async with anyio.create_task_group() as group:
            group.start_soon(kill_some)
            results = await export_partitions(
                user, partitions, tmp_path, redis_url=redis_url, limits=[Limit(rate, 1.0)]
            )
        times = sorted(request.at for request in fake.requests)
        refused, most = refusals(fake), most_in_any(1.0, times)
        lasted = times[-1] - times[0]
        found = await merged_rows(fake, results, tmp_path)

        say(f"{len(times)} requests in {lasted:.1f} s, at most {most} in 1 s, {refused} 429s")
        assert refused == 0
        assert most <= rate
        assert {number: sorted(rows) for number, rows in found.items()} == {
            number: sorted(str(one) for one in fake.uuids(number)) for number in sizes
        }


# Dask 2026.8 itself uses what pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz", ".parquet"])
async def test_an_export_opens_as_a_dask_collection(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    parts = await plan(env, partitions=3)
    results = [await run_partition(part, folder=tmp_path, env=env) for part in parts]
    report = await merge(results, tmp_path / f"persons{suffix}", env=env)

    found = read_persons(report.path)

    column = found["uuid"] if suffix == ".parquet" else found.pluck("uuid")
    uuids = sorted(str(one) for one in column.compute(scheduler="synchronous"))
    assert uuids == sorted(str(one) for one in fake.uuids())
