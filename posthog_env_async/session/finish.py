"""Work that is not left half done when its caller is cancelled."""

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

__all__ = ["finish"]

R = TypeVar("R")


async def finish(work: Awaitable[R]) -> R:
    """Await work to its end, also when the caller is cancelled: that is raised afterwards.

    A shielded cancel scope alone keeps off other scopes, not `asyncio.timeout` or `Task.cancel`.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with _shield():
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        # What the caller needs to hear is that it was cancelled.
        task.exception()
    raise cancelled


def _shield() -> AbstractContextManager[object]:
    """Keep off cancel scopes; there can be none where nobody has imported what makes them."""
    anyio = sys.modules.get("anyio")
    return nullcontext() if anyio is None else anyio.CancelScope(shield=True)
