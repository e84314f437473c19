"""What every test may ask for: the embedded server, a client of it, and Hypothesis' two depths."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from posthog_env_async import Backoff, PostHogEnv
from posthog_env_async.testing import FakePostHog

# A developer's own key and host must not leak into a test, nor into what a test starts.
for name in ("PERSONAL_API_KEY", "HOST", "PROJECT_ID", "PREFIX", "REDIS_URL"):
    os.environ.pop(f"POSTHOG_{name}", None)

# A job in the background ignores Ctrl-C, and so would every command that a test starts and stops.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `dev` is the same run every time; `check` (POSTHOG_ENV_CHECK=1) looks further, by chance.
# Neither has a deadline: a case that starts a server takes as long as the machine lets it.
settings.register_profile("dev", max_examples=50, deadline=None, derandomize=True)
settings.register_profile(
    "check",
    max_examples=2_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("check" if os.environ.get("POSTHOG_ENV_CHECK") else "dev")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    # Plain routes: the default server warns of the end of `environments` once a client.
    async with FakePostHog(persons=2_500, mode="routes") as server:
        yield server


@pytest.fixture
async def env(fake: FakePostHog) -> AsyncIterator[PostHogEnv]:
    client = PostHogEnv(1, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0), limits=None)
    async with client:
        yield client
