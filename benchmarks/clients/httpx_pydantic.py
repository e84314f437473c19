"""httpx and pydantic v2: a typed page, validated from the bytes in one call."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from pydantic import BaseModel

from .meter import Meter, Work, identity

__all__ = ["run"]


class Person(BaseModel):
    """A person with every field of the list."""

    type: str
    id: UUID
    uuid: UUID
    created_at: datetime
    last_seen_at: datetime | None
    properties: dict[str, Any]
    is_identified: bool
    name: str
    distinct_ids: list[str]
    matched_recordings: list[Any]
    value_at_data_point: Any


class Page(BaseModel):
    """One answer of the list."""

    results: list[Person]
    next: str | None


async def _read(work: Work) -> Meter:
    headers = {"Authorization": f"Bearer {work.key}"}
    url: str | None = f"{work.url}/api/environments/1/persons/?limit={work.page_size}"
    count, meter = 0, Meter(work.check)
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
        while url:
            response = (await client.get(url)).raise_for_status()
            page = Page.model_validate_json(response.content)
            if not count:
                meter.first()
            for person in page.results:
                count += 1
                if work.check:
                    meter.seen.append(identity(person.uuid, person.properties["email"]))
            url = page.next
    meter.stop(count)
    return meter


def run(work: Work) -> Meter:
    """Read every person as a pydantic model."""
    return asyncio.run(_read(work))
