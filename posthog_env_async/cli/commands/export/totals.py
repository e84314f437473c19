"""How many items an export will have, and whether the limits are enough for them."""

import math
from collections.abc import Mapping
from pathlib import Path

from posthog_env_async.errors import PostHogError
from posthog_env_async.export import ExportJob
from posthog_env_async.pagination import AnyListing, Listing

__all__ = ["requests_for", "total_of", "totals_of"]

LARGEST_PAGE = 10_000


async def total_of(listing: AnyListing) -> int | None:
    """Return how many items there will be; `None` where nobody can say.

    A project that cannot say why it cannot be read says so when it is read.
    """
    if not isinstance(listing, Listing):
        return None
    try:
        total = await listing.count()
    except PostHogError:
        return None
    left = max(0, total - listing.offset)
    return left if listing.max_items is None else min(left, listing.max_items)


async def totals_of(jobs: list[ExportJob]) -> dict[Path, int | None]:
    """Return the total of each job."""
    return {job.path: await total_of(job.listing) for job in jobs}


def requests_for(jobs: list[ExportJob], totals: Mapping[Path, int | None]) -> int:
    """Return how many requests the totals take at least."""
    return sum(math.ceil((totals[job.path] or 0) / _page_size(job)) for job in jobs)


def _page_size(job: ExportJob) -> int:
    size = job.listing.page_size
    return size if isinstance(size, int) else LARGEST_PAGE
