"""Partitions as taskiq tasks: a broker that loses none, and an export that an app awaits.

What is private stays in the folder that workers and app share: the queue carries names of
partitions, and the results name what went wrong, as JSON both ways. So nothing in Redis holds a
filter's value, and nobody who can write there runs code in a worker or in the app.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

import anyio

from posthog_env_async import errors
from posthog_env_async.converter import as_mapping, dump, load
from posthog_env_async.errors import (
    CheckpointError,
    ConfigurationError,
    ExportError,
    PostHogError,
    ResponseDecodeError,
)
from posthog_env_async.export.files.durable import (
    in_thread,
    read_file,
    wrap_os_errors,
    write_atomic,
)
from posthog_env_async.export.partitions.plan import Partition, PartitionResult
from posthog_env_async.export.partitions.run import finished_partition, run_partition
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits

from .redis import RedisLimiter

__all__ = ["check_answer", "export_partitions", "partition_broker"]

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
        from taskiq.serializers import JSONSerializer
        from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker
    except ImportError:
        missing = "the workers need taskiq: pip install 'posthog-env-async[taskiq]'"
        raise ConfigurationError(missing) from None
    backend: Any = RedisAsyncResultBackend
    results = backend(url, result_ex_time=86_400, serializer=_result_serializer(JSONSerializer))
    broker: Any = RedisStreamBroker(
        url,
        queue_name="posthog-env",
        consumer_id="0",
        idle_timeout=round(longest_task * 1000),
        xread_count=1,  # what waits inside a worker is idle, too, and would go to another
        unacknowledged_batch_size=1,
        unacknowledged_lock_timeout=10.0,  # or a worker killed while it holds it stops all others
        xread_block=500,
    ).with_result_backend(results)
    broker.with_serializer(JSONSerializer())
    limiters: list[RedisLimiter] = []

    async def run(name: str, folder: str) -> str:
        if not limiters:
            key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
            limiters.append(RedisLimiter.for_key(url, key, limits))
        try:
            partition = await in_thread(partial(_load, Path(folder), name))
            await run_partition(partition, folder=folder, limiter=limiters[0])
        except PostHogError as error:
            return _error_text(error)
        return "{}"

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

    While it waits, each partition is described by `NAME.partition.json` in the folder.

    Raises:
        PostHogError: the first failure of a worker; the other tasks go on.
    """
    run, found, place = broker.find_task(RUN), list[PartitionResult](), Path(folder)
    given = tuple(partitions)
    await in_thread(partial(_save, place, given))
    sent = [await run.kiq(partition.name, fspath(folder)) for partition in given]
    waking = asyncio.create_task(_keep_awake(broker))
    try:
        for partition, task in zip(given, sent, strict=True):
            check_answer(await task.wait_result())
            result = await finished_partition(partition, folder)
            if result is None:
                raise CheckpointError("a partition that a worker finished is not in the folder")
            found.append(result)
            on_result(found[-1])
    finally:
        waking.cancel()
    await in_thread(partial(_remove, place, given))
    return tuple(found)


def _described(folder: Path, name: str) -> Path:
    return folder / f"{name}.partition.json"


def _save(folder: Path, partitions: Iterable[Partition]) -> None:
    with wrap_os_errors(folder):
        for partition in partitions:
            write_atomic(_described(folder, partition.name), partition.to_json().encode())


def _load(folder: Path, name: str) -> Partition:
    """Read the partition that a message names.

    Raises:
        CheckpointError: when there is none of that name in the folder.
    """
    partition = None
    if Path(name).name == name:
        with suppress(OSError, ValueError):
            partition = Partition.from_json(read_file(_described(folder, name)).decode())
    if partition is None or partition.name != name:
        raise CheckpointError("the folder does not describe the partition that was asked for")
    return partition


def _remove(folder: Path, partitions: Iterable[Partition]) -> None:
    for partition in partitions:
        _described(folder, partition.name).unlink(missing_ok=True)


def _error_text(error: PostHogError) -> str:
    """Return an error of ours as JSON: its class by name, and its plain fields."""
    fields = {
        name: value
        for name, value in vars(error).items()
        if value is None or isinstance(value, str | int | float)
    }
    return dump({"error": type(error).__name__, "message": str(error), "fields": fields}).decode()


def check_answer(answer: Any) -> None:
    """Check what taskiq gives for a task.

    Raises:
        PostHogError: what the worker says that went wrong.
    """
    if answer.is_err:
        raise ExportError("a worker failed with an error that is not ours: see its log")
    try:
        said = as_mapping(load(str(answer.return_value).encode()))
    except ResponseDecodeError:
        said = {"error": ""}
    if "error" in said:
        raise _rebuilt(said)


def _rebuilt(said: Any) -> PostHogError:
    """Return the error that a worker named; its class is one of ours, whatever is said."""
    name, fields = said.get("error"), as_mapping(said.get("fields"))
    kind = getattr(errors, name, None) if name in errors.__all__ else None
    if not isinstance(kind, type) or not issubclass(kind, PostHogError):
        return ExportError("a worker gave an answer that cannot be read")
    message = str(said.get("message"))
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(fields)
    return error


def _result_serializer(base: Any) -> Any:
    """Return what writes results as JSON, without errors: taskiq would make their classes."""

    class ResultSerializer(base):  # type: ignore[misc]
        def dumpb(self, value: Any) -> bytes:
            return cast("bytes", base.dumpb(self, {**value, "error": None}))

        def loadb(self, value: bytes) -> dict[str, Any]:
            found: dict[str, Any] = base.loadb(self, value)
            return found | {"error": None}

    return ResultSerializer()


async def _keep_awake(broker: Any) -> None:
    """Send tasks of nothing: only behind one the broker looks for what dead workers left."""
    while True:
        await anyio.sleep(min(60.0, broker.idle_timeout / 4000))
        await broker.find_task(WAKE).kiq()
