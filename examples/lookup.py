"""Who are these? Many distinct ids or e-mails, one result each: `python lookup.py`.

What is asked twice is sent once, a bounded number of requests is under way at once, and a failure
of one input is that input's result.
"""

import asyncio
from collections.abc import AsyncIterable, Iterable
from typing import Literal

import anyio
import attrs

from posthog_env_async import Person, PostHogEnv, PostHogError
from posthog_env_async.testing import FakePostHog

By = Literal["distinct_id", "email"]


@attrs.frozen
class Found:
    """The result for one input: a person, nobody, or why it is not known."""

    asked: str
    person: Person | None = None
    error: PostHogError | None = None


async def look_up(
    env: PostHogEnv, inputs: Iterable[str], *, by: By = "distinct_id", at_once: int = 8
) -> list[Found]:
    """Look all inputs up; the results are in the order of the inputs, equal ones included."""
    asked, found = list(inputs), dict[str, Found]()
    waiting = iter(dict.fromkeys(asked))

    async def work() -> None:
        for text in waiting:
            found[text] = await _one(env, text, by)

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(work)
    return [found[text] for text in asked]


async def _one(env: PostHogEnv, text: str, by: By) -> Found:
    try:
        listing = (
            env.persons.list(email=text) if by == "email" else env.persons.list(distinct_id=text)
        )
        return Found(text, await listing.first())
    except PostHogError as error:
        return Found(text, error=error)


@attrs.define
class Lookups:
    """The same for callers that come one by one: those who ask for the same share one request."""

    env: PostHogEnv
    by: By = "distinct_id"
    at_once: int = 8
    _running: dict[str, "asyncio.Task[Found]"] = attrs.field(
        factory=dict[str, "asyncio.Task[Found]"], init=False
    )
    _places: anyio.Semaphore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._places = anyio.Semaphore(self.at_once)

    async def get(self, text: str) -> Found:
        """Return the result for one input; a caller that is cancelled does not stop the others."""
        task = self._running.get(text)
        if task is None:
            task = asyncio.create_task(self._ask(text))
            self._running[text] = task
            task.add_done_callback(lambda _: self._running.pop(text))
        return await asyncio.shield(task)

    async def _ask(self, text: str) -> Found:
        async with self._places:
            return await _one(self.env, text, self.by)


async def first_ids(persons: AsyncIterable[Person]) -> list[str]:
    """Return one distinct id of each person."""
    return [person.distinct_ids[0] async for person in persons if person.distinct_ids]


async def main() -> None:
    """Look 500 ids up, each twice, and one that nobody has."""
    async with (
        FakePostHog(persons=500, mode="routes") as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        ids = await first_ids(env.persons.list())
        before = env.requests
        found = await look_up(env, [*ids, "nobody", *ids])
        known = sum(result.person is not None for result in found)
        print(f"{len(found)} inputs, {known} found, {env.requests - before} requests")
        lookups = Lookups(env)
        before = env.requests
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(lookups.get, ids[0])
        print(f"50 callers, {env.requests - before} request")


if __name__ == "__main__":
    anyio.run(main)
