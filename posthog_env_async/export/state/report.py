"""What an export says of itself: while it runs, and in the end."""

from pathlib import Path
from typing import Any, Literal

import attrs

from posthog_env_async.pagination import ListingReport

__all__ = ["ExportReport", "Progress", "listing_report"]


@attrs.frozen(kw_only=True)
class Progress:
    """How far an export is; `rows`, `bytes`, `requests` and `pages` count earlier runs too.

    `bytes` is what was written, compressed; `seconds` and `rows_per_second` are of this run.
    """

    path: Path
    phase: Literal["reading", "converting", "done"]
    rows: int
    bytes: int
    pages: int
    requests: int
    resumed_rows: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """How fast this run is on average."""
        return (self.rows - self.resumed_rows) / self.seconds if self.seconds else 0.0


@attrs.frozen(kw_only=True)
class ExportReport:
    """A finished export.

    `rows`, `requests`, `seconds` and `listing` count all runs that it took; `resumed_rows` of the
    rows come from earlier runs. `complete` is the listing's verdict: every row that existed
    throughout is in the file exactly once.
    """

    path: Path
    format: str
    compression: str
    rows: int
    requests: int
    complete: bool
    listing: ListingReport
    bytes: int
    sha256: str
    seconds: float
    resumed: bool
    resumed_rows: int
    manifest: Path


def listing_report(fields: dict[str, Any]) -> ListingReport:
    """Read a listing's report from JSON."""
    fields = dict(fields)
    sizes = tuple(fields.pop("page_sizes"))
    return ListingReport(**fields, page_sizes=sizes)
