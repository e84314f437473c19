"""This client: typed persons, with nothing, one property or all properties looked at; raw rows."""

import asyncio
import json
from collections.abc import AsyncIterator

from posthog_env_async import Person, PostHogEnv

from .meter import Meter, Work, identity
from .ticker import ticking

__all__ = ["run"]

_A_PAGE = 1000


async def _none(persons: AsyncIterator[Person]) -> int:
    count = 0
    async for _ in persons:
        count += 1
    return count


async def _one(persons: AsyncIterator[Person]) -> int:
    count = 0
    async for person in persons:
        person.get_property("email")
        count += 1
    return count


async def _all(persons: AsyncIterator[Person]) -> int:
    count = 0
    async for person in persons:
        tuple(person.properties.values())
        count += 1
    return count


async def _kept(persons: AsyncIterator[Person]) -> int:
    """Keep one person of every page until the end, when the memory is measured."""
    count, kept = 0, list[Person]()
    async for person in persons:
        if count % _A_PAGE == 0:
            kept.append(person)
        count += 1
    return count


async def _check(persons: AsyncIterator[Person], meter: Meter) -> int:
    async for person in persons:
        meter.seen.append(identity(person.uuid, person.properties["email"]))
    return len(meter.seen)


async def _persons(persons: AsyncIterator[Person], work: Work, meter: Meter) -> int:
    first = await anext(persons)
    meter.first()
    if work.check:
        meter.seen.append(identity(first.uuid, first.properties["email"]))
        return await _check(persons, meter)
    look = {"none": _none, "one": _one, "all": _all, "kept": _kept}[work.touch]
    return 1 + await look(persons)


async def _rows(rows: AsyncIterator[bytes], meter: Meter) -> int:
    kept = [await anext(rows)]
    meter.first()
    count = 1
    if meter.check:
        kept += [raw async for raw in rows]
        seen = map(json.loads, kept)
        meter.seen = [identity(row["uuid"], row["properties"]["email"]) for row in seen]
        return len(kept)
    async for _ in rows:
        count += 1
    return count


async def _read(work: Work) -> Meter:
    meter = Meter(work.check)
    async with PostHogEnv(1, api_key=work.key, host=work.url) as env, ticking(work, meter):
        listing = env.persons.list(page_size=work.page_size, prefetch=work.prefetch)
        if work.touch == "rows":
            count = await _rows(aiter(listing.rows()), meter)
        else:
            count = await _persons(aiter(listing), work, meter)
        meter.stop(count)
    return meter


def run(work: Work) -> Meter:
    """Read every person through the public listing."""
    return asyncio.run(_read(work))
