"""Exports by taskiq workers, of which some are killed."""

import asyncio
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from posthog_env_async import CheckpointError, ExportError, PermissionDeniedError, PostHogEnv
from posthog_env_async.export import verify
from posthog_env_async.export.partitions.merge import by_project, merge
from posthog_env_async.export.partitions.plan import PartitionResult, plan
from posthog_env_async.testing import Drift, FakePostHog, Fault

pytest.importorskip("taskiq_redis", reason="the extra taskiq is not installed")

from posthog_env_async.integrations.taskiq import export_partitions, partition_broker

from .conftest import free_port, start_redis, stop
from .workers import most_in_any, refusals, say

PROCESS = Path(__file__).with_name("taskiq_worker_process.py")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port, folder = free_port(), tmp_path / "redis"
    folder.mkdir()
    server = start_redis(port, folder)
    yield f"redis://127.0.0.1:{port}/0"
    stop(server)


def start_worker(redis: str, rate: int, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, str(PROCESS), redis, str(rate)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def export_with_kills(
    fake: FakePostHog,
    redis: str,
    rate: int,
    environment: dict[str, str],
    folder: Path,
    *,
    projects: list[int],
    rows: int,
    kills: int,
) -> tuple[PartitionResult, ...]:
    environment = {**environment, "POSTHOG_PERSONAL_API_KEY": fake.key, "POSTHOG_HOST": fake.url}
    workers = [start_worker(redis, rate, environment) for _ in range(4)]
    broker = partition_broker(redis, longest_task=8.0)
    await broker.startup()
    try:
        async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env:
            partitions = await plan(env, projects=projects, rows_per_partition=rows)
        fake.requests.clear()

        async def kill_some() -> None:
            for number in range(kills):
                while len(fake.requests) < len(partitions) * (number + 1) / (kills + 1):
                    await anyio.sleep(0.05)
                workers[number].kill()
                workers.append(start_worker(redis, rate, environment))

        async with anyio.create_task_group() as group:
            group.start_soon(kill_some)
            return await export_partitions(broker, partitions, folder)
    finally:
        await broker.shutdown()
        for worker in workers:
            worker.kill()
            worker.wait()


async def merged_rows(
    fake: FakePostHog, results: tuple[PartitionResult, ...], folder: Path
) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env:
        for project, own in by_project(results).items():
            report = await merge(own, folder / f"{project}.ndjson", env=env)
            assert report.complete
            assert (await verify(report.path)).ok
            lines = report.path.read_text().splitlines()
            found[int(project)] = [line.split('"uuid":"')[1][:36] for line in lines]
    return found


@pytest.mark.parametrize(
    ("projects", "persons", "rate", "kills"),
    [(4, 3_000, 40, 1), pytest.param(40, 3_000, 40, 2, marks=pytest.mark.slow)],
)
async def test_workers_export_projects_though_some_are_killed(
    own_redis: str,
    worker_environment: dict[str, str],
    tmp_path: Path,
    projects: int,
    persons: int,
    rate: int,
    kills: int,
) -> None:
    sizes = dict.fromkeys(range(1, projects + 1), persons)
    server = FakePostHog(
        persons=sizes, mode="routes", latency=0.05, throttles={"persons": ((rate, 1.0),)}
    )
    async with server as fake:
        results = await export_with_kills(
            fake,
            own_redis,
            rate,
            worker_environment,
            tmp_path,
            projects=list(sizes),
            rows=1_000 if projects > 4 else 500,
            kills=kills,
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


async def everything_in(redis: str) -> bytes:
    """Return every key and value, whatever its kind."""
    from redis.asyncio import Redis

    async with Redis.from_url(redis) as connection:
        found = [
            piece
            for key in await connection.keys()
            for piece in (key, await connection.dump(key) or b"")
        ]
        streams = [
            key for key in await connection.keys() if await connection.type(key) == b"stream"
        ]
        found += [repr(await connection.xrange(key)).encode() for key in streams]
        strings = [
            key for key in await connection.keys() if await connection.type(key) == b"string"
        ]
        found += [await connection.get(key) for key in strings]
    return b"\n".join(found)


@pytest.mark.servers
async def test_nothing_in_redis_is_a_pickle_or_holds_a_filter(
    own_redis: str, worker_environment: dict[str, str], tmp_path: Path
) -> None:
    email = "somebody@secret.example"
    async with FakePostHog(20, mode="routes") as fake:
        fake.add_person(properties={"email": email})
        environment = {
            **worker_environment,
            "POSTHOG_PERSONAL_API_KEY": fake.key,
            "POSTHOG_HOST": fake.url,
        }
        worker = start_worker(own_redis, 40, environment)
        broker = partition_broker(own_redis, longest_task=8.0)
        await broker.startup()
        try:
            async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=None) as env:
                partitions = await plan(env, search=email)
                [result] = await export_partitions(broker, partitions, tmp_path)
                left = await everything_in(own_redis)

                refused = await plan(env, email=email)
                fake.faults.append(Fault(403, times=9, body={"detail": f"no {email}"}))
                with pytest.raises(PermissionDeniedError) as caught:
                    await export_partitions(broker, refused, tmp_path)
                left += await everything_in(own_redis)
        finally:
            await broker.shutdown()
            worker.send_signal(signal.SIGINT)
            worker.wait()

    assert result.rows == 1
    assert b"return_value" in left
    assert b"secret.example" not in left
    assert b"\x80\x04\x95" not in left
    assert caught.value.status == 403
    assert [found.name for found in tmp_path.glob("*.partition.json")] == [
        f"{refused[0].name}.partition.json"
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "not JSON",
        '{"error": "SystemExit", "message": "boom"}',
        '{"error": "ENDPOINT_NOT_FOUND"}',
        '{"error": null}',
        "[]",
    ],
)
def test_an_answer_of_a_worker_raises_only_errors_of_ours(answer: str) -> None:
    from types import SimpleNamespace

    from posthog_env_async.integrations.taskiq import check_answer

    if answer == "[]":
        check_answer(SimpleNamespace(is_err=False, return_value=answer))
        return
    with pytest.raises(ExportError, match="cannot be read"):
        check_answer(SimpleNamespace(is_err=False, return_value=answer))
    with pytest.raises(ExportError, match="see its log"):
        check_answer(SimpleNamespace(is_err=True, return_value=None))


@pytest.mark.parametrize("name", ["missing", "../other", "renamed"])
async def test_a_worker_reads_only_partitions_that_its_folder_describes(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path, name: str
) -> None:
    from types import SimpleNamespace

    from posthog_env_async.integrations.taskiq import RUN, check_answer

    [partition] = await plan(env)
    (tmp_path / "inside").mkdir()
    for file in ("other.partition.json", "inside/renamed.partition.json"):
        (tmp_path / file).write_text(partition.to_json())
    run = partition_broker("redis://127.0.0.1:1").find_task(RUN)
    fake.requests.clear()

    answer = await run.original_func(name, str(tmp_path / "inside"))

    with pytest.raises(CheckpointError, match="does not describe the partition"):
        check_answer(SimpleNamespace(is_err=False, return_value=answer))
    assert fake.requests == []


async def test_a_worker_that_wrote_nothing_is_found_out(
    own_redis: str, env: PostHogEnv, tmp_path: Path
) -> None:
    from taskiq.api import run_receiver_task

    from posthog_env_async.integrations.taskiq import RUN

    async def idle(name: str, folder: str) -> str:
        return "{}"

    broker, other = partition_broker(own_redis), partition_broker(own_redis)
    other.register_task(idle, task_name=RUN)
    await broker.startup()
    worker = asyncio.create_task(run_receiver_task(other, run_startup=True))
    try:
        with anyio.fail_after(20), pytest.raises(CheckpointError, match="not in the folder"):
            await export_partitions(broker, await plan(env), tmp_path)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await other.shutdown()
        await broker.shutdown()


def test_a_pickle_in_place_of_a_result_is_not_loaded() -> None:
    broker = partition_broker("redis://127.0.0.1:1")

    for serializer in (broker.serializer, broker.result_backend.serializer):
        with pytest.raises(ValueError, match=r"codec can't decode|Expecting value"):
            serializer.loadb(pickle.dumps(print))


@pytest.mark.slow
async def test_four_workers_read_sixteen_partitions_of_a_set_that_changes(
    own_redis: str, worker_environment: dict[str, str], tmp_path: Path
) -> None:
    server = FakePostHog(persons=200_000, mode="routes", drift=Drift(anywhere=True))
    async with server as fake:
        results = await export_with_kills(
            fake,
            own_redis,
            200,
            worker_environment,
            tmp_path,
            projects=[1],
            rows=12_600,
            kills=0,
        )
        found = (await merged_rows(fake, results, tmp_path))[1]

        throughout = {str(one) for one in fake.existed_throughout()}
        say(f"{len(results)} partitions, {len(found)} persons, {len(throughout)} throughout")
        assert len(found) == len(set(found))
        assert throughout <= set(found)
