"""No client at all: a loop that only ticks, to show what the machine itself adds to a stall."""

import asyncio

from .meter import Meter, Work
from .ticker import ticking

__all__ = ["run"]


async def _idle(work: Work) -> Meter:
    meter = Meter(work.check)
    async with ticking(work, meter):
        await asyncio.sleep(1)
    meter.stop(0)
    return meter


def run(work: Work) -> Meter:
    """Sleep a second on a ticking loop."""
    return asyncio.run(_idle(work))
