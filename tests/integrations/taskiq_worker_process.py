"""One taskiq worker in one process, which a test can kill; told Redis and the rate."""

import asyncio
import sys

from taskiq.api import run_receiver_task

from posthog_env_async import Limit
from posthog_env_async.integrations.taskiq import partition_broker

broker = partition_broker(sys.argv[1], limits=[Limit(int(sys.argv[2]), 1.0)], longest_task=8.0)

if __name__ == "__main__":
    asyncio.run(run_receiver_task(broker, max_async_tasks=2, run_startup=True))
