"""Forty projects at night, under one limit and with a bounded number at once.

`python forty_projects.py` shows it on the loopback. Started again after a failure, it goes on where
it stopped: projects that are done are only checked, files that are half done are continued.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import attrs

from posthog_env_async import Limit, PostHogEnv, PostHogError
from posthog_env_async.export import export, verify
from posthog_env_async.testing import FakePostHog

AT_ONCE = 6


@attrs.define
class Night:
    """What came out: rows by project, and what failed."""

    rows: dict[int, int] = attrs.field(factory=dict[int, int])
    failed: dict[int, PostHogError] = attrs.field(factory=dict[int, PostHogError])


async def export_all(env: PostHogEnv, projects: Iterable[int], folder: Path) -> Night:
    """Export each project to a file of its own; one that fails does not stop the others."""
    night, waiting = Night(), iter(projects)

    async def work() -> None:
        for project in waiting:
            try:
                night.rows[project] = await _one(env.for_project(project), folder)
            except PostHogError as error:
                night.failed[project] = error

    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(work)
    return night


async def _one(env: PostHogEnv, folder: Path) -> int:
    path = folder / f"persons-{env.project_id}.ndjson"
    if (checked := await verify(path)).ok and checked.manifest is not None:
        return checked.manifest.rows
    report = await export(env.persons.list(page_size=1000), path)
    return report.rows


async def main() -> None:
    """Export forty projects, twice."""
    sizes = {number: 50 * number for number in range(1, 41)}
    with TemporaryDirectory() as folder:
        async with FakePostHog(persons=sizes, mode="routes") as fake:
            limits = [Limit(100, 1.0)]
            async with PostHogEnv(1, api_key=fake.key, host=fake.url, limits=limits) as env:
                projects = [project.id async for project in env.projects.list()]
                for _ in range(2):
                    before = env.requests
                    night = await export_all(env, projects, Path(folder))
                    print(
                        f"{len(night.rows)} projects, {sum(night.rows.values())} persons,"
                        f" {len(night.failed)} failed, {env.requests - before} requests"
                    )


if __name__ == "__main__":
    anyio.run(main)
