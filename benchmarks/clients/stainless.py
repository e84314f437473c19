"""Stainless' async paginator, as shipped in the openai package, over a page of our own shape."""

import asyncio
from datetime import datetime
from typing import Any

import httpx2
from openai import AsyncOpenAI, BaseModel
from openai._base_client import BaseAsyncPage, BasePage, PageInfo, make_request_options

from .meter import Meter, Work, identity

__all__ = ["run"]


class Person(BaseModel):
    """A person with every field of the list, as Stainless would generate it."""

    type: str
    id: str
    uuid: str
    created_at: datetime
    last_seen_at: datetime | None = None
    properties: dict[str, object]
    is_identified: bool
    name: str
    distinct_ids: list[str]
    matched_recordings: list[object]
    value_at_data_point: object = None


class PersonsPage(BaseAsyncPage[Person], BasePage[Person]):
    """One answer of the list; `next` is a whole URL."""

    results: list[Person]
    next: str | None = None

    def _get_page_items(self) -> list[Person]:
        return self.results

    def next_page_info(self) -> PageInfo | None:
        """Give where the next page is, as a generated page class does."""
        return PageInfo(url=httpx2.URL(self.next)) if self.next else None


async def _read(work: Work) -> Meter:
    count, meter = 0, Meter(work.check)
    query: dict[str, Any] = {"limit": work.page_size}
    async with AsyncOpenAI(base_url=work.url, api_key=work.key) as client:
        persons = client.get_api_list(
            "/api/environments/1/persons/",
            model=Person,
            page=PersonsPage,
            options=make_request_options(query=query),
        )
        async for person in persons:
            if not count:
                meter.first()
            count += 1
            if work.check:
                meter.seen.append(identity(person.uuid, person.properties["email"]))
    meter.stop(count)
    return meter


def run(work: Work) -> Meter:
    """Read every person through the generated client's paginator."""
    return asyncio.run(_read(work))
