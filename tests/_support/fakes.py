"""Ask the embedded server in plain HTTP, with nothing of the client."""

from typing import Any
from uuid import UUID

from aiohttp import ClientSession

from posthog_env_async.testing import FakePostHog

__all__ = [
    "ENDPOINT_NOT_FOUND",
    "NOT_FOUND",
    "PERSONS",
    "SERVER_ERROR",
    "ask",
    "bearer",
    "uuids_by_next",
]

ENDPOINT_NOT_FOUND = {
    "type": "invalid_request",
    "code": "not_found",
    "detail": "Endpoint not found.",
    "attr": None,
}
NOT_FOUND = ENDPOINT_NOT_FOUND | {"detail": "Not found."}
SERVER_ERROR = {
    "type": "server_error",
    "code": "error",
    "detail": "A server error occurred.",
    "attr": None,
}
PERSONS = "/api/projects/1/persons/"


def bearer(fake: FakePostHog) -> dict[str, str]:
    return {"Authorization": f"Bearer {fake.key}"}


async def ask(
    http: ClientSession, fake: FakePostHog, path: str = PERSONS, **params: str | int
) -> tuple[int, Any]:
    url = path if path.startswith("http") else fake.url + path
    async with http.get(url, params=params or None, headers=bearer(fake)) as response:
        kind = response.headers.get("Content-Type", "")
        return response.status, await (response.json() if "json" in kind else response.read())


async def uuids_by_next(http: ClientSession, fake: FakePostHog, limit: int) -> list[UUID]:
    found: list[UUID] = []
    link: str | None = f"{PERSONS}?limit={limit}"
    while link is not None:
        _, page = await ask(http, fake, link)
        found += [UUID(row["uuid"]) for row in page["results"]]
        link = page["next"]
    return found
