"""A clock that ticks every millisecond on the loop under test and keeps its worst delay."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .meter import Meter, Work

__all__ = ["ticking"]

_TICK = 0.001


@asynccontextmanager
async def ticking(work: Work, meter: Meter) -> AsyncGenerator[None]:
    """Tick while the body runs, if `work` asks for it; the worst delay goes to `meter`."""
    if not work.ticks:
        yield
        return
    task = asyncio.get_running_loop().create_task(_tick(meter))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _tick(meter: Meter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        meter.worst_tick = max(meter.worst_tick, loop.time() - due)
