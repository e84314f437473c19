"""Listings: pages found by offset or cursor, ahead, in order, complete."""

from .listing import (
    AnyListing,
    CursorListing,
    Listing,
    checked_numbers,
    read_lines,
    source_of,
)
from .page import ListingReport, Page
from .page_size import PageSize, checked_page_size
from .resume_token import QueryFingerprint
from .run import LineRun, ListingRun
from .seams.digest_set import DigestSet as HandedOut
from .seams.page_times import milliseconds
from .source import CursorSource, Source

__all__ = [
    "AnyListing",
    "CursorListing",
    "CursorSource",
    "HandedOut",
    "LineRun",
    "Listing",
    "ListingReport",
    "ListingRun",
    "Page",
    "PageSize",
    "QueryFingerprint",
    "Source",
    "checked_numbers",
    "checked_page_size",
    "milliseconds",
    "read_lines",
    "source_of",
]
