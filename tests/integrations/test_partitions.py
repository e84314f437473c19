"""Ranges that are read apart and joined: nobody lost, nobody twice (docs/server.md, Paging)."""

import asyncio
import json
import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async import (
    Backoff,
    CheckpointError,
    ConfigurationError,
    ExportError,
    PostHogEnv,
    PropertyFilter,
)
from posthog_env_async.export import verify
from posthog_env_async.export.partitions.merge import by_project, merge
from posthog_env_async.export.partitions.plan import Partition, PartitionResult, plan
from posthog_env_async.export.partitions.run import run_partition
from posthog_env_async.pagination import source_of
from posthog_env_async.testing import Drift, FakePostHog, Fault


def client(fake: FakePostHog, project: int = 1) -> PostHogEnv:
    return PostHogEnv(
        project, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0), limits=None
    )


def uuids(path: Path) -> list[str]:
    return [json.loads(line)["uuid"] for line in path.read_bytes().splitlines()]


async def run_all(
    env: PostHogEnv,
    partitions: Sequence[Partition],
    folder: Path,
    *,
    at_once: int = 4,
    seed: int = 0,
) -> list[PartitionResult]:
    order = list(partitions)
    Random(seed).shuffle(order)
    results: list[PartitionResult] = []
    waiting = iter(order)

    async def work() -> None:
        for partition in waiting:
            result = await run_partition(partition, folder=folder, env=env)
            results.append(result)

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(work)
    return results


async def test_partitions_cover_the_listing_in_whole_pages_and_overlap(
    fake: FakePostHog, env: PostHogEnv
) -> None:
    partitions = await plan(env, rows_per_partition=900, page_size=300, overlap=50)

    assert [(part.start, part.stop) for part in partitions] == [
        (0, 900),
        (850, 1750),
        (1700, None),
    ]
    assert len(fake.requests) == 1


async def test_a_plan_of_so_many_partitions_has_at_most_as_many(env: PostHogEnv) -> None:
    assert len(await plan(env, partitions=5, page_size=100, overlap=20)) == 5
    assert len(await plan(env, partitions=100)) <= 100
    assert len(await plan(env, partitions=1)) == 1


async def test_a_partition_can_be_pickled_and_written_as_json_and_contains_no_key(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    ids = [PropertyFilter("plan", ["free", "scale"])]

    partition = (await plan(env, partitions=2, search="example", properties=ids))[0]
    result = await run_partition(partition, folder=tmp_path, env=env)

    assert pickle.loads(pickle.dumps(partition)) == partition  # noqa: S301 - our own
    assert Partition.from_json(partition.to_json()) == partition
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own
    assert PartitionResult.from_json(result.to_json()) == result
    assert fake.key not in result.to_json()


DAMAGE: dict[str, Callable[[str], Any]] = {
    "nothing": lambda _: "",
    "no text": lambda _: None,
    "an empty object": lambda _: "{}",
    "a list": lambda _: "[1]",
    "deep": lambda _: "[" * 100_000,
    "a lone surrogate": lambda text: text.replace("ada", "\ud800"),
    "another version": lambda text: json.dumps(json.loads(text) | {"version": 99}),
    "another host": lambda text: json.dumps(json.loads(text) | {"host": "https://evil.example"}),
    "no filters": lambda text: json.dumps(json.loads(text) | {"properties": None}),
    "a manifest": lambda text: json.dumps(json.loads(text) | {"kind": "manifest"}),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_partition_or_result_that_is_damaged_or_changed_is_refused(
    env: PostHogEnv, tmp_path: Path, damage: str
) -> None:
    [partition] = await plan(env, partitions=1, search="ada")
    result = await run_partition(partition, folder=tmp_path, env=env)

    with pytest.raises(CheckpointError, match="the partition is"):
        Partition.from_json(DAMAGE[damage](partition.to_json()))
    with pytest.raises(CheckpointError, match="the partition result is"):
        PartitionResult.from_json(DAMAGE[damage](result.to_json()))


async def test_a_partition_whose_project_leads_out_of_the_folder_is_refused(
    env: PostHogEnv, tmp_path: Path
) -> None:
    [partition] = await plan(env, partitions=1)

    with pytest.raises(ConfigurationError, match="cannot be part of a file name"):
        await run_partition(
            attrs.evolve(partition, project="../../x"), folder=tmp_path / "a" / "b", env=env
        )


async def test_plans_of_many_projects_are_merged_one_by_one(tmp_path: Path) -> None:
    server = FakePostHog(persons={1: 900, 2: 0, 3: 450}, mode="routes")
    async with server as fake, client(fake) as env:
        partitions = await plan(env, projects=[1, 2, 3], rows_per_partition=250)
        results = await run_all(env, partitions, tmp_path)

        for project, own in by_project(results).items():
            path = tmp_path / f"{project}.ndjson"
            report = await merge(own, path, env=env)

            assert report.complete
            assert uuids(path) == [str(one) for one in fake.uuids(int(project))]


async def test_a_quiet_set_is_merged_byte_for_byte_like_a_single_export(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    from posthog_env_async.export import export

    single = await export(env.persons.list(), tmp_path / "single.ndjson")
    results = await run_all(env, await plan(env, partitions=6), tmp_path)
    fake.requests.clear()

    merged = await merge(results, tmp_path / "merged.ndjson", env=env)

    assert merged.path.read_bytes() == single.path.read_bytes()
    assert (merged.rows, merged.complete, merged.sha256) == (2500, True, single.sha256)
    assert not fake.requests
    checked = await verify(merged.path)
    assert checked.ok
    assert checked.manifest is not None
    assert checked.manifest.query == source_of(env.persons.list()).subject.fingerprint


async def test_a_partition_run_twice_asks_nothing_and_is_the_same(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    partition = (await plan(env, partitions=3))[1]
    first = await run_partition(partition, folder=tmp_path, env=env)
    data = Path(first.path).read_bytes()
    fake.insert(500)
    fake.requests.clear()

    again = await run_partition(partition, folder=tmp_path, env=env)

    assert again == first
    assert Path(again.path).read_bytes() == data
    assert not fake.requests


async def test_a_partition_that_is_broken_off_leaves_no_file_and_goes_on_later(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    whole = (await plan(env, partitions=1, page_size=100))[0]
    reading = asyncio.create_task(run_partition(whole, folder=tmp_path, env=env))
    while len(fake.requests) < 10:
        await asyncio.sleep(0.001)
    reading.cancel()
    await asyncio.wait([reading])
    left = [path.suffix for path in tmp_path.iterdir()]

    result = await run_partition(whole, folder=tmp_path, env=env)

    assert ".ndjson" not in left
    assert ".part" in left
    assert uuids(Path(result.path)) == [str(one) for one in fake.uuids()]
    assert len(fake.requests) < 10 + 25


async def test_files_of_partitions_may_be_compressed(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    partitions = await plan(env, partitions=3)
    results = [
        await run_partition(part, folder=tmp_path, env=env, compression="gzip")
        for part in partitions
    ]

    report = await merge(results, tmp_path / "all.csv", env=env, columns=["uuid"])

    lines = report.path.read_text().split()
    assert lines[1:] == [str(one) for one in fake.uuids()]


async def test_a_missing_or_changed_partition_is_refused(env: PostHogEnv, tmp_path: Path) -> None:
    results = await run_all(env, await plan(env, partitions=3), tmp_path)

    with pytest.raises(ConfigurationError, match="no result yet"):
        await merge(results[:-1], tmp_path / "all.ndjson", env=env)
    with pytest.raises(ConfigurationError, match="no results"):
        await merge([], tmp_path / "all.ndjson", env=env)
    short = attrs.evolve(results[0], rows=results[0].rows - 1)
    with pytest.raises(CheckpointError, match="holds other rows than its result says"):
        await merge([short, *results[1:]], tmp_path / "all.ndjson", env=env)
    Path(results[0].path).write_bytes(b"{}\n")
    with pytest.raises(CheckpointError, match="was changed"):
        await merge(results, tmp_path / "all.ndjson", env=env)


async def test_partitions_of_another_host_are_not_merged(env: PostHogEnv, tmp_path: Path) -> None:
    results = await run_all(env, await plan(env, partitions=2), tmp_path)

    async with FakePostHog(persons=3) as other, client(other) as elsewhere:
        with pytest.raises(ConfigurationError, match="another host"):
            await merge(results, tmp_path / "all.ndjson", env=elsewhere)


async def test_partitions_of_other_filters_do_not_mix(env: PostHogEnv, tmp_path: Path) -> None:
    all_of_them = await run_all(env, await plan(env, partitions=2), tmp_path)
    some = await run_all(env, await plan(env, partitions=2, search="ada"), tmp_path)

    with pytest.raises(ConfigurationError, match="different plans or projects"):
        await merge([all_of_them[0], *some], tmp_path / "all.ndjson", env=env)


async def test_results_of_two_plans_of_one_listing_are_not_merged(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    before = [
        await run_partition(part, folder=tmp_path, env=env)
        for part in await plan(env, partitions=3, page_size=100)
    ]
    fake.insert(900)
    after = [
        await run_partition(part, folder=tmp_path, env=env)
        for part in await plan(env, partitions=3, page_size=100)
    ]

    for mixed in ([*before, after[1]], [before[0], *after[1:]], [*before[:2], after[2]]):
        with pytest.raises(ConfigurationError, match="are of different plans"):
            await merge(mixed, tmp_path / "all.ndjson", env=env)
    assert (await merge(after, tmp_path / "all.ndjson", env=env)).complete


@pytest.mark.parametrize("wrong", [{"partitions": 0}, {"partitions": 2, "rows_per_partition": 9}])
async def test_numbers_that_cannot_work_are_refused(env: PostHogEnv, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        await plan(env, **wrong)


async def test_a_seam_that_no_row_proves_is_read_again(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    partitions = await plan(env, partitions=3, overlap=20)
    results = [await run_partition(partitions[0], folder=tmp_path, env=env)]
    fake.delete(range(300, 500))
    results += [await run_partition(part, folder=tmp_path, env=env) for part in partitions[1:]]

    report = await merge(results, tmp_path / "all.ndjson", env=env)

    found = uuids(report.path)
    assert report.complete
    assert report.listing.seams_repaired == 1
    assert len(found) == len(set(found))
    assert set(found) >= {str(one) for one in fake.existed_throughout()}


async def test_a_page_without_rows_does_not_close_a_gap(tmp_path: Path) -> None:
    async with FakePostHog(persons=18) as fake, client(fake) as env:
        first, last = await plan(env, partitions=3, overlap=8)
        everybody = [str(one) for one in fake.uuids()]
        results = [await run_partition(first, folder=tmp_path, env=env)]
        fake.delete(range(9))
        results.append(await run_partition(last, folder=tmp_path, env=env))
        fake.delete(range(2))
        # Of the rows that lie between, one is left, and the first look for it is behind the end.
        report = await merge(results, tmp_path / "all.ndjson", env=env)

    assert [result.rows for result in results] == [16, 1]
    assert report.complete
    assert uuids(report.path) == everybody


@pytest.mark.parametrize("dropped", [0.5, range(250, 700)], ids=["half", "a run"])
async def test_partitions_of_a_quiet_set_with_ghosts_are_complete(
    tmp_path: Path, dropped: Any
) -> None:
    async with FakePostHog(persons=1_000, orphans=dropped) as fake, client(fake) as env:
        partitions = await plan(env, partitions=4, page_size=100)
        results = await run_all(env, partitions, tmp_path)
        report = await merge(results, tmp_path / "all.ndjson", env=env)

    assert report.complete
    assert uuids(report.path) == [str(one) for one in fake.uuids()]


async def test_one_row_that_moved_before_its_time_did_does_not_close_a_gap(tmp_path: Path) -> None:
    async with FakePostHog(persons=18) as fake, client(fake) as env:
        first, last = await plan(env, partitions=3, overlap=8)
        everybody = [str(one) for one in fake.uuids()]
        results = [await run_partition(first, folder=tmp_path, env=env)]
        top = json.loads(Path(results[0].path).read_bytes().splitlines()[0])
        fake.delete(range(9))
        results.append(await run_partition(last, folder=tmp_path, env=env))
        fake.delete(range(2))
        # The row of the top now stands last, alone where the merge looks first.
        shown = {"created_at": top["created_at"]}
        fake.add_person(uuid=top["uuid"], created_at="2001-01-01T00:00:00Z", extra=shown)
        report = await merge(results, tmp_path / "all.ndjson", env=env)

    assert report.complete
    assert uuids(report.path) == everybody


async def test_a_gap_that_cannot_be_read_from_a_row_is_read_from_the_top(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    partitions = await plan(env, partitions=3, overlap=20)
    results = [await run_partition(partitions[0], folder=tmp_path, env=env)]
    fake.delete(range(1200))
    results += [await run_partition(part, folder=tmp_path, env=env) for part in partitions[1:]]

    report = await merge(results, tmp_path / "all.ndjson", env=env)

    found = uuids(report.path)
    assert report.complete
    assert len(found) == len(set(found))
    assert set(found) >= {str(one) for one in fake.existed_throughout()}


async def _drifting(
    persons: int, drift: Drift, orphans: float, tie: int, partitions: int, overlap: int, seed: int
) -> None:
    server = FakePostHog(persons=persons, mode="routes", orphans=orphans, tie=tie, drift=drift)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with server as fake, client(fake) as env:
            planned = await plan(env, partitions=partitions, overlap=overlap, page_size=100)
            results = await run_all(env, planned, folder, at_once=3, seed=seed)
            report = await merge(results, folder / "all.ndjson", env=env)
            found = uuids(report.path)

            assert len(found) == len(set(found))
            assert not {str(one) for one in fake.existed_throughout()} - set(found)
            assert report.rows == len(found)


@given(
    persons=st.integers(0, 1_500),
    changes=st.integers(0, 12),
    anywhere=st.booleans(),
    orphans=st.sampled_from([0.0, 0.05, 0.3]),
    tie=st.sampled_from([1, 3, 40]),
    partitions=st.integers(1, 9),
    overlap=st.integers(1, 60),
    seed=st.integers(0, 99),
)
def test_everybody_who_existed_throughout_is_there_once_whatever_changes_meanwhile(
    persons: int,
    changes: int,
    anywhere: bool,
    orphans: float,
    tie: int,
    partitions: int,
    overlap: int,
    seed: int,
) -> None:
    drift = Drift(inserts=(0, changes), deletes=(0, changes), anywhere=anywhere, seed=seed)

    anyio.run(_drifting, persons, drift, orphans, tie, partitions, overlap, seed)


@pytest.mark.parametrize("with_client", [True, False])
async def test_a_partition_of_another_host_is_refused_and_gets_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_client: bool
) -> None:
    async with FakePostHog(persons=10) as own, FakePostHog(persons=10) as other:
        async with client(other) as env:
            partitions = await plan(env, partitions=1)
        other.requests.clear()
        monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", own.key)
        monkeypatch.setenv("POSTHOG_HOST", own.url)
        mine = client(own) if with_client else None

        with pytest.raises(ConfigurationError, match="the key is not sent to another host"):
            await run_partition(partitions[0], folder=tmp_path, env=mine)

        assert other.requests == []


async def test_a_merge_takes_the_options_of_an_export(env: PostHogEnv, tmp_path: Path) -> None:
    results = await run_all(env, await plan(env, partitions=2), tmp_path)
    path = tmp_path / "merged.csv"
    path.write_text("mine")

    with pytest.raises(ExportError, match="not written by an export"):
        await merge(results, path, env=env)
    report = await merge(
        results, path, env=env, overwrite=True, columns=["uuid"], add_project_id=True
    )

    assert report.rows == 2_500
    assert path.read_text().startswith("project_id,uuid\n1,")


async def test_a_partition_whose_file_was_changed_is_read_again(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    first = (await plan(env, partitions=2))[0]
    result = await run_partition(first, folder=tmp_path, env=env)
    content = Path(result.path).read_bytes()
    Path(result.path).write_bytes(content[::-1])
    fake.requests.clear()

    again = await run_partition(first, folder=tmp_path, env=env)

    assert again.requests == len(fake.requests) > 0
    assert Path(again.path).read_bytes() == content


async def test_a_project_that_is_not_counted_is_one_partition(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(200, body={"results": [], "next": None}))

    (only,) = await plan(env, rows_per_partition=500)

    assert (only.start, only.stop) == (0, None)
