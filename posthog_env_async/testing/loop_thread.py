"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import attrs

__all__ = ["LoopThread"]

T = TypeVar("T")


@attrs.frozen
class LoopThread:
    """Run coroutines in the loop of another thread, until stopped."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread

    @classmethod
    def started(cls) -> LoopThread:
        """Start the thread and its loop."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="FakePostHog", daemon=True)
        thread.start()
        return cls(loop, thread)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def stop(self) -> None:
        """End the loop and the thread."""
        self.run(_drained())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


async def _drained() -> None:
    """Let what is still running end, so that closing the loop leaves nothing behind."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
