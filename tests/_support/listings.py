"""What tests of listings look at: who came, which windows were asked for."""

from uuid import UUID

import anyio

from posthog_env_async import Listing, Person, PostHogEnv
from posthog_env_async.testing import FakePostHog

__all__ = ["read_into", "read_while_rows_vanish", "until_idle", "uuids", "windows"]


def windows(fake: FakePostHog) -> list[tuple[int, int]]:
    return [(int(asked.query["offset"]), int(asked.query["limit"])) for asked in fake.requests]


async def read_into(seen: list[UUID], listing: Listing[Person]) -> None:
    async for person in listing:
        seen.append(person.uuid)  # noqa: PERF401 - what came before an error is kept


async def uuids(listing: Listing[Person]) -> list[UUID]:
    return [person.uuid async for person in listing]


async def until_idle(fake: FakePostHog) -> None:
    with anyio.fail_after(5):
        quiet = 0
        while quiet < 5:
            await anyio.sleep(0.002)
            quiet = quiet + 1 if fake.in_flight == 0 else 0


async def read_while_rows_vanish(env: PostHogEnv, fake: FakePostHog) -> None:
    """Read every person, while those that were read go: the listing has to search its seam."""
    async for page in env.persons.list(page_size=500).pages():
        if page.offset == 0:
            fake.delete(range(400))
