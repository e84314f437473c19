"""Many exports at once: one failure does not stop the others; a broken run is gone on with."""

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from posthog_env_async import (
    Backoff,
    BadRequestError,
    ConfigurationError,
    Limit,
    NotFoundError,
    PostHogEnv,
)
from posthog_env_async.export import ExportJob, ExportOutcome, Progress, export_many, verify
from posthog_env_async.testing import FakePostHog, Fault

SIZES = {1: 1_200, 2: 300, 3: 0, 4: 700}


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(SIZES, mode="routes") as server:
        yield server


def jobs_of(env: PostHogEnv, folder: Path, *projects: int) -> list[ExportJob]:
    return [
        ExportJob(
            env.for_project(project).persons.list(page_size=100),
            folder / f"{project}.ndjson",
            {"project": str(project)},
        )
        for project in projects or SIZES
    ]


def files(folder: Path) -> list[str]:
    return sorted(found.name for found in folder.iterdir())


async def test_each_listing_gets_its_file(env: PostHogEnv, tmp_path: Path) -> None:
    done: list[ExportOutcome] = []

    report = await export_many(jobs_of(env, tmp_path), on_outcome=done.append)

    assert report.ok
    assert [outcome.report.rows for outcome in report.outcomes if outcome.report] == [
        *SIZES.values()
    ]
    assert report.rows == sum(SIZES.values())
    assert {outcome.path for outcome in done} == {
        tmp_path / f"{project}.ndjson" for project in SIZES
    }
    assert [(await verify(outcome.path)).ok for outcome in report.outcomes] == [True] * 4
    assert files(tmp_path) == sorted(
        f"{project}.ndjson{suffix}" for project in SIZES for suffix in ("", ".manifest.json")
    )
    manifest = json.loads((tmp_path / "4.ndjson.manifest.json").read_text())
    assert manifest["about"] == {"project": "4"}


async def test_paths_can_be_mapped_to_listings(env: PostHogEnv, tmp_path: Path) -> None:
    jobs = {
        str(tmp_path / "p.csv"): env.persons.list(),
        str(tmp_path / "q.csv"): env.persons.list(),
    }

    report = await export_many(jobs, columns=["uuid"])

    assert [outcome.path for outcome in report.outcomes] == [tmp_path / "p.csv", tmp_path / "q.csv"]
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "q.csv").read_bytes()


async def test_nothing_to_export_is_not_a_failure(tmp_path: Path) -> None:
    report = await export_many({})

    assert (report.ok, report.outcomes, report.rows) == (True, (), 0)


async def test_one_that_fails_does_not_stop_the_others(env: PostHogEnv, tmp_path: Path) -> None:
    jobs = [*jobs_of(env, tmp_path, 1), *jobs_of(env, tmp_path, 99), *jobs_of(env, tmp_path, 2)]

    report = await export_many(jobs, concurrency=1)

    assert [outcome.ok for outcome in report.outcomes] == [True, False, True]
    assert isinstance(report.outcomes[1].error, NotFoundError)
    assert [outcome.path.name for outcome in report.failed] == ["99.ndjson"]


@pytest.mark.parametrize(("concurrency", "peak"), [(1, 1), (3, 3)])
async def test_no_more_are_under_way_than_asked_for(
    *, env: PostHogEnv, fake: FakePostHog, tmp_path: Path, concurrency: int, peak: int
) -> None:
    fake.latency = 0.01

    await export_many(jobs_of(env, tmp_path), concurrency=concurrency)

    assert fake.peak_in_flight <= peak


async def test_all_of_them_share_one_limit(fake: FakePostHog, tmp_path: Path) -> None:
    limit = Limit(20, 1.0)
    client = PostHogEnv(1, api_key=fake.key, host=fake.url, limits=[limit])
    async with client as env:
        report = await export_many(jobs_of(env, tmp_path), concurrency=4)

    times = [request.at for request in fake.requests]
    windows = [sum(start <= time < start + limit.seconds for time in times) for start in times]
    assert report.ok
    assert max(windows) <= limit.requests


async def test_a_run_that_was_broken_off_keeps_what_it_finished(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    jobs = jobs_of(env, tmp_path)
    scope = anyio.CancelScope()

    def stop_in_the_last(progress: Progress) -> None:
        if progress.path.name == "4.ndjson" and progress.rows >= 300:
            scope.cancel()

    with scope:
        await export_many(jobs, concurrency=1, on_progress=stop_in_the_last)
    between = files(tmp_path)
    fake.requests.clear()
    report = await export_many(jobs, concurrency=1)

    assert [name for name in between if name.startswith("batch-")] != []
    assert [outcome.kept for outcome in report.outcomes] == [True, True, True, False]
    assert report.outcomes[3].report is not None
    assert report.outcomes[3].report.resumed_rows >= 300
    assert {request.path for request in fake.requests} == {"/api/environments/4/persons/"}
    assert [name for name in files(tmp_path) if name.startswith("batch-")] == []


async def test_a_run_after_one_that_ended_exports_everything_anew(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    jobs = jobs_of(env, tmp_path)
    await export_many(jobs)
    fake.insert(3)

    report = await export_many(jobs)

    assert report.rows == sum(SIZES.values()) + 3
    assert [outcome.kept for outcome in report.outcomes] == [False] * 4


async def test_a_run_after_failures_does_only_what_is_missing(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    jobs = jobs_of(env, tmp_path)
    fake.faults.append(Fault(400, path="/2/persons/"))

    first = await export_many(jobs)
    second = await export_many(jobs)

    assert isinstance(first.failed[0].error, BadRequestError)
    assert [outcome.kept for outcome in second.outcomes] == [True, False, True, True]
    assert second.ok


@pytest.mark.parametrize("change", ["age", "file", "gone", "manifest", "damage", "resume"])
async def test_what_an_earlier_run_left_is_not_kept_when_it_is_no_good(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path, change: str
) -> None:
    jobs = jobs_of(env, tmp_path, 1, 2)
    fake.faults.append(Fault(400, path="/2/persons/"))
    await export_many(jobs)
    [batch] = [tmp_path / name for name in files(tmp_path) if name.startswith("batch-")]
    fields = json.loads(batch.read_text())
    if change == "age":
        batch.write_text(json.dumps(fields | {"started": fields["started"] - 21 * 3600}))
    if change == "damage":
        batch.write_text("{")
    if change == "manifest":
        (tmp_path / "1.ndjson.manifest.json").unlink()
    if change == "gone":
        (tmp_path / "1.ndjson").unlink()
    if change == "file":
        (tmp_path / "1.ndjson").write_text("{}")

    report = await export_many(jobs, resume=change != "resume")

    assert [outcome.kept for outcome in report.outcomes] == [False, False]
    assert report.ok


@pytest.mark.parametrize(
    ("names", "settings", "said"),
    [
        (["p.csv", "p.csv"], {}, "two exports go to one path"),
        (["p.csv", "q.csv"], {"concurrency": 0}, "concurrency must be 1 or more"),
    ],
)
async def test_what_cannot_work_is_refused(
    *, env: PostHogEnv, tmp_path: Path, names: list[str], settings: Any, said: str
) -> None:
    jobs = [ExportJob(env.persons.list(), tmp_path / name) for name in names]

    with pytest.raises(ConfigurationError, match=said):
        await export_many(jobs, **settings)


async def test_a_wrong_name_is_that_job_s_failure(env: PostHogEnv, tmp_path: Path) -> None:
    jobs = {tmp_path / "p.txt": env.persons.list(), tmp_path / "p.csv": env.persons.list()}

    report = await export_many(jobs)

    assert isinstance(report.outcomes[0].error, ConfigurationError)
    assert report.outcomes[1].ok


@pytest.mark.slow
async def test_forty_projects_use_their_budget_and_earn_no_429(tmp_path: Path) -> None:
    window = (20, 1.0)
    projects = dict.fromkeys(range(1, 41), 5_000)
    async with FakePostHog(projects, mode="routes", throttles={"persons": (window,)}) as fake:
        client = PostHogEnv(
            1, api_key=fake.key, host=fake.url, limits=[Limit(*window)], backoff=Backoff()
        )
        async with client as env:
            jobs = [
                ExportJob(env.for_project(p).persons.list(prefetch=2), tmp_path / f"{p}.ndjson.gz")
                for p in projects
            ]
            report = await export_many(jobs, concurrency=8)

        times = [request.at for request in fake.requests]

    assert report.ok
    assert report.rows == 200_000
    assert [request.status for request in fake.requests if request.status != 200] == []
    # A window's worth may go out at once; from then on the limit lets pass so many a second.
    assert (len(times) - window[0]) / window[0] / (times[-1] - times[0]) >= 0.95


MEMORY = """
import asyncio, resource, sys
from posthog_env_async import PostHogEnv
from posthog_env_async.export import ExportJob, export_many

async def main(folder, number):
    async with PostHogEnv(1, limits=None) as env:
        jobs = [
            ExportJob(env.for_project(n).persons.list(prefetch=4), f"{folder}/{n}.ndjson")
            for n in range(1, number + 1)
        ]
        assert (await export_many(jobs, concurrency=number)).ok
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.slow
async def test_forty_exports_at_once_take_little_more_memory_than_one(tmp_path: Path) -> None:
    async with FakePostHog(dict.fromkeys(range(1, 41), 5_000), mode="routes") as fake:
        settings = {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key}
        peaks = list[int]()
        for number in (1, 40):
            (tmp_path / str(number)).mkdir()
            done = await anyio.run_process(
                [sys.executable, "-W", "ignore", "-c", MEMORY, f"{tmp_path}/{number}", str(number)],
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), **settings},
            )
            peaks.append(int(done.stdout))

    assert peaks[1] - peaks[0] <= 80, peaks
