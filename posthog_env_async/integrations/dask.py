"""Partitions on a Dask cluster, and exports as Dask collections."""

import json
import os
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from typing import Any, cast

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.export.partitions.plan import Partition, PartitionResult
from posthog_env_async.export.partitions.run import run_partition
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits, as_limits

from .redis import RedisLimiter

__all__ = ["export_partitions", "read_persons"]

RETRIES = 2
PLUGIN = "posthog_env_async"


async def export_partitions(
    client: Any,
    partitions: Iterable[Partition],
    folder: str | PathLike[str],
    *,
    redis_url: str,
    limits: Limits | Sequence[Limit] | None = CLOUD_LIMITS,
) -> tuple[PartitionResult, ...]:
    """Read partitions on the workers of an asynchronous `distributed.Client`, under one limit.

    Results come in the order of the partitions. What a worker had that died is read elsewhere; what
    fails is tried twice more. Each worker takes key and host from its `POSTHOG_PERSONAL_API_KEY`
    and `POSTHOG_HOST`, and `folder` is one that all of them see.

    Raises:
        PostHogError: the first failure.
    """
    await client.register_plugin(_limiter_plugin(redis_url, as_limits(limits)), name=PLUGIN)
    asked = [partition.to_json() for partition in partitions]
    futures = client.map(_run, asked, folder=fspath(folder), pure=False, retries=RETRIES)
    found: list[str] = await client.gather(futures)
    return tuple(PartitionResult.from_json(text) for text in found)


def _limiter_plugin(redis_url: str, limits: Limits) -> Any:
    """Return what gives each worker one limiter, and closes it with the worker."""
    from distributed import WorkerPlugin

    # The workers run a copy, which pickle made.
    class LimiterPlugin(WorkerPlugin):  # pragma: no cover
        def setup(self, worker: Any) -> None:
            key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
            self.limiter = RedisLimiter.for_key(redis_url, key, limits)

        async def teardown(self, worker: Any) -> None:
            await self.limiter.aclose()

    return LimiterPlugin()


async def _run(partition: str, *, folder: str) -> str:
    """Read a partition on the worker's own event loop."""
    from distributed import get_worker

    worker: Any = get_worker()
    limiter: RedisLimiter = worker.plugins[PLUGIN].limiter
    result = await run_partition(Partition.from_json(partition), folder=folder, limiter=limiter)
    return result.to_json()


def read_persons(path: str | PathLike[str], *, blocksize: str = "64MB") -> Any:
    """Open an export: a Dask dataframe of a Parquet file, a bag of dicts of an NDJSON one.

    Read what `merge` made: files of single partitions share rows at their seams.

    Raises:
        ConfigurationError: when the extra `dask` is missing.
    """
    try:
        import dask.bag
        import dask.dataframe
    except ImportError:
        missing = "Dask is missing: pip install 'posthog-env-async[dask]'"
        raise ConfigurationError(missing) from None
    name, frames, bags = fspath(path), cast("Any", dask.dataframe), cast("Any", dask.bag)
    if name.endswith(".parquet"):
        return frames.read_parquet(name)
    packed = name.endswith((".gz", ".zst"))
    return bags.read_text(name, blocksize=None if packed else blocksize).map(json.loads)
