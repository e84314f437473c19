"""Whether the limits can serve a job, said before it starts."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

from posthog_env_async.cli.output.units import duration, window_name
from posthog_env_async.session import Limit, Limiter, RateLimiter

__all__ = ["shortage", "used_up"]


async def shortage(limiter: Limiter, group: str, requests: int, *, waits: bool) -> str | None:
    """Say which window of a budget is too small for so many requests; `None` when they fit."""
    for limit, left in await _windows(limiter, group):
        if requests > left:
            name = window_name(limit.seconds)
            rounds = math.ceil((requests - left) / limit.requests)
            text = (
                f"needs {requests:,} requests, the {name} has {left:,} left:"
                f" it takes {duration(rounds * limit.seconds)} or more"
            )
            if not waits and limit.seconds > 60:
                text += "; without --wait it stops at the limit, and the same command goes on later"
            return text
    return None


def used_up(limiter: Limiter, group: str) -> str | None:
    """Name the longest window of a budget that is full, where this process alone knows."""
    if not isinstance(limiter, RateLimiter):
        return None
    left = limiter.left().get(limiter.limits.budget(group), ())
    full = [limit.seconds for limit, remaining in left if remaining == 0]
    return window_name(max(full)) if full else None


async def _windows(limiter: Limiter, group: str) -> list[tuple[Limit, int]]:
    """Return the windows of a group's budget, the longest first."""
    limits, ask = getattr(limiter, "limits", None), getattr(limiter, "left", None)
    if limits is None or ask is None:
        return []
    found: Any = ask()
    left: Mapping[str, tuple[tuple[Limit, int], ...]] = (
        await found if inspect.isawaitable(found) else found
    )
    windows = left.get(limits.budget(group), ())
    return sorted(windows, key=lambda window: -window[0].seconds)
