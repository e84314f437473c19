"""The floor for files: aiohttp, orjson loads, orjson dumps, one line a person."""

import asyncio
import json
from pathlib import Path
from typing import BinaryIO

import aiohttp
import orjson

from .meter import Meter, Work, identity

__all__ = ["run"]


async def _write(work: Work, out: BinaryIO) -> Meter:
    headers = {"Authorization": f"Bearer {work.key}"}
    url: str | None = f"{work.url}/api/environments/1/persons/?limit={work.page_size}"
    count, meter = 0, Meter(work.check)
    async with aiohttp.ClientSession(headers=headers) as session:
        while url:
            async with session.get(url) as response:
                response.raise_for_status()
                page = orjson.loads(await response.read())
            if not count:
                meter.first()
            for person in page["results"]:
                out.write(orjson.dumps(person, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
            url = page["next"]
    out.flush()
    meter.stop(count)
    return meter


def run(work: Work) -> Meter:
    """Write every person to a file, without sync, checkpoint or manifest."""
    path = Path(work.folder, "persons.ndjson")
    with path.open("wb") as out:
        meter = asyncio.run(_write(work, out))
    if work.check:
        rows = map(json.loads, path.read_bytes().splitlines())
        meter.seen = [identity(row["uuid"], row["properties"]["email"]) for row in rows]
    return meter
