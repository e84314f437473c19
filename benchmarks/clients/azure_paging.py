"""azure-core's AsyncItemPaged on its aiohttp transport, as a generated client puts it together."""

import asyncio
from typing import Any

from azure.core import AsyncPipelineClient
from azure.core.async_paging import AsyncItemPaged, AsyncList
from azure.core.pipeline.policies import AsyncRetryPolicy, HeadersPolicy
from azure.core.rest import HttpRequest

from .meter import Meter, Work, identity

__all__ = ["run"]

_Person = dict[str, Any]


def _paged(client: AsyncPipelineClient[Any, Any], work: Work) -> AsyncItemPaged[_Person]:
    first = f"{work.url}/api/environments/1/persons/?limit={work.page_size}"

    async def get_next(token: str | None) -> Any:
        response = await client.send_request(HttpRequest("GET", token or first))
        response.raise_for_status()
        return response

    async def extract(response: Any) -> tuple[str | None, AsyncList[_Person]]:
        page = response.json()
        return page["next"], AsyncList(page["results"])

    return AsyncItemPaged(get_next, extract)


async def _read(work: Work) -> Meter:
    count, meter = 0, Meter(work.check)
    policies = [HeadersPolicy({"Authorization": f"Bearer {work.key}"}), AsyncRetryPolicy()]
    async with AsyncPipelineClient[Any, Any](work.url, policies=policies) as client:
        async for person in _paged(client, work):
            if not count:
                meter.first()
            count += 1
            if work.check:
                meter.seen.append(identity(person["uuid"], person["properties"]["email"]))
    meter.stop(count)
    return meter


def run(work: Work) -> Meter:
    """Read every person as a dict through the item pager."""
    return asyncio.run(_read(work))
