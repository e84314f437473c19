"""How many items an export will have, whether the limits suffice for them, and whether all came."""

import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.wording import duration, window_name
from posthog_env_async.errors import PostHogError
from posthog_env_async.export import ExportJob, ExportOutcome
from posthog_env_async.pagination import AnyListing, Listing
from posthog_env_async.session import Limit, Limiter, RateLimiter

__all__ = [
    "check_counts",
    "missing_rows",
    "shortage",
    "shortage_text",
    "total_of",
    "used_up",
]

LARGEST_PAGE = 10_000


async def total_of(listing: AnyListing) -> int | None:
    """Return how many items there will be; `None` where the server does not count.

    An error of the server is raised when the items themselves are read.
    """
    if not isinstance(listing, Listing):
        return None
    try:
        total = await listing.count()
    except PostHogError:
        return None
    left = max(0, total - listing.offset)
    return left if listing.max_items is None else min(left, listing.max_items)


async def shortage(
    limiter: Limiter,
    group: str,
    totals: Sequence[tuple[AnyListing, int | None]],
    *,
    waits: bool,
) -> str | None:
    """Return which window of a budget is too small for so many items; `None` when they fit."""
    requests = sum(
        math.ceil(
            (total or 0) / (LARGEST_PAGE if listing.page_size == "auto" else listing.page_size)
        )
        for listing, total in totals
    )
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


async def _windows(limiter: Limiter, group: str) -> list[tuple[Limit, int]]:
    """Return the windows of a group's budget, the longest first."""
    limits, ask = getattr(limiter, "limits", None), getattr(limiter, "left", None)
    if limits is None or ask is None:
        return []
    answer: Any = ask()
    left: Mapping[str, tuple[tuple[Limit, int], ...]] = (
        await answer if inspect.isawaitable(answer) else answer
    )
    windows = left.get(limits.budget(group), ())
    return sorted(windows, key=lambda window: -window[0].seconds)


def used_up(limiter: Limiter, group: str) -> str | None:
    """Name the longest window of a budget that is full, where this process alone knows."""
    if not isinstance(limiter, RateLimiter):
        return None
    left = limiter.left().get(limiter.limits.budget(group), ())
    full = [limit.seconds for limit, remaining in left if remaining == 0]
    return window_name(max(full)) if full else None


async def missing_rows(listing: AnyListing, rows: int, before: int | None) -> int:
    """Return how many rows fewer came than the server counted, before and after the run.

    Persons deleted meanwhile are in the first count alone, so the smaller count is taken.
    """
    if before is None or rows >= before:
        return 0
    after = await total_of(listing)
    return max(0, min(before, before if after is None else after) - rows)


async def check_counts(
    jobs: Sequence[ExportJob],
    outcomes: Sequence[ExportOutcome],
    totals: Mapping[Path, int | None],
) -> bool:
    """Compare the exports with the counts, print what is missing, and return whether nothing is.

    A file that an earlier run finished is not compared: its count was another.
    """
    is_all = True
    for job, outcome in zip(jobs, outcomes, strict=True):
        if outcome.report is None or outcome.kept:
            continue
        missing = await missing_rows(job.listing, outcome.report.rows, totals[job.path])
        if missing:
            is_all = False
            print_message(f"error: {outcome.path.name}: {shortage_text(missing)}", style="red")
    return is_all


def shortage_text(missing: int) -> str:
    """Return what a smaller number of rows may mean."""
    return (
        f"{missing:,} fewer than the server counts: rows are missing, or it counts persons that"
        " are gone"
    )
