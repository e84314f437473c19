"""One person from a FastAPI handler, with a client that lives as long as the app.

Run it with `uvicorn fastapi_app:app`, with `POSTHOG_PROJECT_ID`, `POSTHOG_PERSONAL_API_KEY` and
`POSTHOG_HOST` set; `python fastapi_app.py` shows it on the loopback.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import anyio
import httpx
from fastapi import Depends, FastAPI, HTTPException, Request

from posthog_env_async import Backoff, NotFoundError, PostHogEnv, RateLimitError
from posthog_env_async.testing import FakePostHog


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open one client for all handlers; a user does not wait longer than 5 seconds for a turn."""
    async with PostHogEnv(backoff=Backoff(max_attempts=3, max_wait=5.0)) as env:
        app.state.env = env
        yield


def client(request: Request) -> PostHogEnv:
    """Hand the app's client to a handler."""
    env: PostHogEnv = request.app.state.env
    return env


app = FastAPI(lifespan=lifespan)


@app.get("/persons/{uuid}")
async def person(uuid: UUID, env: Annotated[PostHogEnv, Depends(client)]) -> dict[str, Any]:
    """Answer with a person, 404 when there is none, 503 when the limit is used up."""
    try:
        found = await env.persons.get(uuid)
    except NotFoundError:
        raise HTTPException(404, "no such person") from None
    except RateLimitError as error:
        wait = str(round(error.retry_after or 1))
        raise HTTPException(503, "try again later", headers={"Retry-After": wait}) from None
    return {"uuid": str(found.uuid), "name": found.name, "email": found.properties.get("email")}


async def main() -> None:
    """Ask the app for somebody who is there, and for somebody who is not."""
    async with FakePostHog(persons=100, mode="routes") as fake:
        os.environ.update(
            POSTHOG_PROJECT_ID="1", POSTHOG_PERSONAL_API_KEY=fake.key, POSTHOG_HOST=fake.url
        )
        transport = httpx.ASGITransport(app)
        async with (
            lifespan(app),
            httpx.AsyncClient(transport=transport, base_url="http://app") as http,
        ):
            for uuid in (fake.uuids()[0], UUID(int=1)):
                answer = await http.get(f"/persons/{uuid}")
                print(answer.status_code, answer.json())


if __name__ == "__main__":
    anyio.run(main)
