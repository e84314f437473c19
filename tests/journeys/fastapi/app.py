from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException

from posthog_env_async import NotFoundError, PostHogEnv


@asynccontextmanager
async def lifespan(app: FastAPI) -> Any:
    async with PostHogEnv() as env:  # project, key and host from the environment
        app.state.env = env
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/persons/{uuid}")
async def person(uuid: str) -> dict[str, Any]:
    try:
        found = await app.state.env.persons.get(uuid)
    except NotFoundError:
        raise HTTPException(404, "no such person") from None
    return found.to_dict()
