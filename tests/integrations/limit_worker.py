"""One worker of the shared-limit tests: asks until its time is over, and says how often."""

import json
import sys
import time

import anyio

from posthog_env_async import Backoff, Limit, PostHogEnv
from posthog_env_async.integrations.redis import RedisLimiter
from posthog_env_async.integrations.sqlite import SQLiteLimiter


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    order = json.loads(sys.argv[1])
    made = {"redis": RedisLimiter, "sqlite": SQLiteLimiter}[order["kind"]]
    limits = [Limit(requests, seconds) for requests, seconds in order["limits"]]
    done = 0

    async def ask(env: PostHogEnv, until: float) -> None:
        nonlocal done
        while anyio.current_time() < until:
            await env.persons.list(page_size=1).page()
            done += 1

    async with (
        made(order["place"], limits, lease=order.get("lease", 30.0)) as limiter,
        PostHogEnv(
            1,
            api_key=order["key"],
            host=order["host"],
            limiter=limiter,
            backoff=Backoff(max_attempts=1),
        ) as env,
    ):
        say(f"ready {time.time():.3f}")
        sys.stdin.readline()
        until = anyio.current_time() + order["seconds"]
        async with anyio.create_task_group() as group:
            for _ in range(order["tasks"]):
                group.start_soon(ask, env, until)
    say(json.dumps({"done": done}))


if __name__ == "__main__":
    anyio.run(main)
