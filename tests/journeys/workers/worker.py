"""One of eight workers: reads the persons of its projects under the budget that all share."""

import asyncio
import sys

from posthog_env_async import Limit, PostHogEnv
from posthog_env_async.integrations.sqlite import SQLiteLimiter


async def main(budget: str, projects: list[str]) -> None:
    persons = 0
    async with (
        SQLiteLimiter(budget, limits=[Limit(40, 1.0)]) as limiter,
        PostHogEnv(limiter=limiter) as env,
    ):
        for project in projects:
            listing = env.for_project(project).persons.list(page_size=100)
            async with listing.iterate() as run:
                persons += len([person async for person in run])
            assert run.report.complete
    print(persons)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
