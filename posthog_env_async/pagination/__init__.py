"""Listings: pages found by offset or cursor, ahead, in order, complete."""

from .cursors import CursorSource
from .listing import CursorListing, Listing, checked_numbers
from .page import ListingReport, Page
from .run import ListingRun
from .sizes import PageSize, checked_page_size
from .token import Subject, subject_of
from .windows import Source

__all__ = [
    "CursorListing",
    "CursorSource",
    "Listing",
    "ListingReport",
    "ListingRun",
    "Page",
    "PageSize",
    "Source",
    "Subject",
    "checked_numbers",
    "checked_page_size",
    "subject_of",
]
