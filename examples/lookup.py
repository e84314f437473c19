"""Who are these? Many ids at once, or callers that come one by one: `python lookup.py`.

`persons.lookup` asks for what is asked twice once, 200 ids a request. `Lookups` does the same for
an app in which each caller has one id: those who ask in the same turn of the event loop share a
request.
"""

import asyncio

import anyio
import attrs

from posthog_env_async import Person, PostHogEnv
from posthog_env_async.testing import FakePostHog


@attrs.define
class Lookups:
    """Callers that come one by one, looked up together."""

    env: PostHogEnv
    _waiting: dict[str, "asyncio.Future[Person | None]"] = attrs.field(factory=dict, init=False)
    _tasks: set["asyncio.Task[None]"] = attrs.field(factory=set, init=False)

    async def get(self, distinct_id: str) -> Person | None:
        """Return the person of one id; a caller that is cancelled does not stop the others."""
        if distinct_id not in self._waiting:
            if not self._waiting:
                task = asyncio.create_task(self._ask())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            self._waiting[distinct_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._waiting[distinct_id])

    async def _ask(self) -> None:
        await asyncio.sleep(0)  # whoever comes in this turn is asked for, too
        waiting, self._waiting = self._waiting, {}
        try:
            persons = await self.env.persons.get_many(distinct_ids=waiting)
        except Exception as error:  # noqa: BLE001 - each caller gets it
            for future in waiting.values():
                future.set_exception(error)
        else:
            for distinct_id, future in waiting.items():
                future.set_result(persons.get(distinct_id))


async def main() -> None:
    """Look 500 ids up, each twice, and one that nobody has; then fifty callers, one by one."""
    async with (
        FakePostHog(persons=500, mode="routes") as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        ids = [person.distinct_ids[0] async for person in env.persons.list()]
        before = env.requests
        pairs = [pair async for pair in env.persons.lookup([*ids, "nobody", *ids])]
        known = sum(person is not None for _, person in pairs)
        print(f"{len(pairs)} inputs, {known} found, {env.requests - before} requests")
        lookups = Lookups(env)
        before = env.requests
        async with anyio.create_task_group() as group:
            for distinct_id in ids[:50]:
                group.start_soon(lookups.get, distinct_id)
        print(f"50 callers, {env.requests - before} request")


if __name__ == "__main__":
    anyio.run(main)
