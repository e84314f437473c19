"""Clients of an embedded server that do not wait, and the few calls that tests make of them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import anyio

from posthog_env_async import Backoff, PostHogEnv
from posthog_env_async.testing import FakePostHog

__all__ = ["EAGER", "NOBODY", "client", "create_folder", "read", "until"]

EAGER = Backoff(base=0.0)
NOBODY = str(uuid4())


def client(fake: FakePostHog, **settings: Any) -> PostHogEnv:
    given = {"api_key": fake.key, "host": fake.url, "backoff": EAGER, **settings}
    return PostHogEnv(1, **given)


async def read(env: PostHogEnv) -> Any:
    return await env.request("GET", "persons/", params={"limit": 1})


async def create_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.create("home")


async def until(fact: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not fact():
            await anyio.sleep(0.001)
