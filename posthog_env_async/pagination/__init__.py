"""Listings: pages found by offset or cursor, ahead, in order, complete."""

from .cursor_reader import CursorSource
from .listing import CursorListing, Listing, checked_numbers
from .page import ListingReport, Page
from .page_size import PageSize, checked_page_size
from .resume_token import QueryFingerprint, fingerprint_of
from .run import ListingRun
from .seams.digest_set import DigestSet as HandedOut
from .seams.page_times import milliseconds
from .window_reader import Source

__all__ = [
    "CursorListing",
    "CursorSource",
    "HandedOut",
    "Listing",
    "ListingReport",
    "ListingRun",
    "Page",
    "PageSize",
    "QueryFingerprint",
    "Source",
    "checked_numbers",
    "checked_page_size",
    "fingerprint_of",
    "milliseconds",
]
