"""The floor: what a careful engineer writes by hand in ten lines. aiohttp, orjson, dicts."""

import asyncio
from typing import Any

import aiohttp
import orjson

from .meter import Meter, Work, identity
from .ticker import ticking

__all__ = ["run"]


async def _read(work: Work) -> Meter:
    headers = {"Authorization": f"Bearer {work.key}"}
    url: str | None = f"{work.url}/api/environments/1/persons/?limit={work.page_size}"
    count, meter = 0, Meter(work.check)
    async with aiohttp.ClientSession(headers=headers) as session, ticking(work, meter):
        while url:
            async with session.get(url) as response:
                response.raise_for_status()
                page: dict[str, Any] = orjson.loads(await response.read())
            if not count:
                meter.first()
            for person in page["results"]:
                count += 1
                if work.check:
                    meter.seen.append(identity(person["uuid"], person["properties"]["email"]))
            url = page["next"]
    meter.stop(count)
    return meter


def run(work: Work) -> Meter:
    """Read every person as a dict, one page after the other."""
    return asyncio.run(_read(work))
