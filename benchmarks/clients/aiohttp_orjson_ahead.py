"""The floor with pages in flight: ordered, by offsets, with a fixed number of tasks ahead."""

import asyncio
from collections import deque
from itertools import count
from typing import Any

import aiohttp
import orjson

from .meter import Meter, Work, identity

__all__ = ["run"]

_Page = dict[str, Any]


async def _page(session: aiohttp.ClientSession, work: Work, offset: int) -> _Page:
    url = f"{work.url}/api/environments/1/persons/?limit={work.page_size}&offset={offset}"
    async with session.get(url) as response:
        response.raise_for_status()
        page: _Page = orjson.loads(await response.read())
        return page


async def _read(work: Work) -> Meter:
    headers = {"Authorization": f"Bearer {work.key}"}
    persons, meter, offsets = 0, Meter(work.check), count(0, work.page_size)
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        ahead = deque(
            group.create_task(_page(session, work, next(offsets)))
            for _ in range(max(work.prefetch, 1))
        )
        more = True
        while more:
            page = await ahead.popleft()
            more = page["next"] is not None
            if more:
                ahead.append(group.create_task(_page(session, work, next(offsets))))
            if not persons:
                meter.first()
            for person in page["results"]:
                persons += 1
                if work.check:
                    meter.seen.append(identity(person["uuid"], person["properties"]["email"]))
        for task in ahead:
            task.cancel()
    meter.stop(persons)
    return meter


def run(work: Work) -> Meter:
    """Read every person as a dict, `prefetch` pages in flight."""
    return asyncio.run(_read(work))
