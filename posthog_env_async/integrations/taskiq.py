"""Partitions as taskiq tasks: a broker that loses none, and an export that an app awaits."""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from os import PathLike, fspath
from typing import Any

import anyio

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.export.partitions.plan import Partition, PartitionResult
from posthog_env_async.export.partitions.run import run_partition
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits

from .redis import RedisLimiter

__all__ = ["export_partitions", "partition_broker"]

RUN, WAKE = "posthog_env_async:run_partition", "posthog_env_async:wake"
OnResult = Callable[[PartitionResult], None]


def partition_broker(
    url: str,
    *,
    limits: Limits | Sequence[Limit] | None = CLOUD_LIMITS,
    longest_task: float = 3600.0,
) -> Any:
    """Return a `RedisStreamBroker` whose workers read partitions under one shared limit.

    The key is `POSTHOG_PERSONAL_API_KEY` of the worker. A task that nobody acknowledged for
    `longest_task` seconds goes to another worker: it must be longer than any partition takes, or
    partitions are read twice. Needs the extra `taskiq`.
    """
    try:
        from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker
    except ImportError:
        missing = "the workers need taskiq: pip install 'posthog-env-async[taskiq]'"
        raise ConfigurationError(missing) from None
    broker: Any = RedisStreamBroker(
        url,
        queue_name="posthog-env",
        consumer_id="0",
        idle_timeout=round(longest_task * 1000),
        xread_count=1,  # what waits inside a worker is idle, too, and would go to another
        unacknowledged_batch_size=1,
        unacknowledged_lock_timeout=10.0,  # or a worker killed while it holds it stops all others
        xread_block=500,
    ).with_result_backend(RedisAsyncResultBackend(url, result_ex_time=86_400))
    limiters: list[RedisLimiter] = []

    async def run(partition: str, folder: str) -> str:
        if not limiters:
            key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
            limiters.append(RedisLimiter.for_key(url, key, limits))
        asked = Partition.from_json(partition)
        return (await run_partition(asked, folder=folder, limiter=limiters[0])).to_json()

    async def wake() -> None:
        """Do nothing."""

    # Acknowledged once the result is saved: a worker that dies before leaves its task to others.
    broker.register_task(run, task_name=RUN, ack_type="when_saved")
    broker.register_task(wake, task_name=WAKE)
    return broker


async def export_partitions(
    broker: Any,
    partitions: Iterable[Partition],
    folder: str | PathLike[str],
    *,
    on_result: OnResult = lambda _: None,
) -> tuple[PartitionResult, ...]:
    """Hand partitions to the workers and wait for the results, which come in the same order.

    Raises:
        PostHogError: the first failure of a worker; the other tasks go on.
    """
    run, found = broker.find_task(RUN), list[PartitionResult]()
    sent = [await run.kiq(partition.to_json(), fspath(folder)) for partition in partitions]
    waking = asyncio.create_task(_keep_awake(broker))
    try:
        for task in sent:
            answer = await task.wait_result()
            answer.raise_for_error()
            found.append(PartitionResult.from_json(answer.return_value))
            on_result(found[-1])
    finally:
        waking.cancel()
    return tuple(found)


async def _keep_awake(broker: Any) -> None:
    """Send tasks of nothing: only behind one the broker looks for what dead workers left."""
    while True:
        await anyio.sleep(min(60.0, broker.idle_timeout / 4000))
        await broker.find_task(WAKE).kiq()
