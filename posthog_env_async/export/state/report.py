"""What an export reports: while it runs, and at its end."""

from pathlib import Path
from typing import Literal

import attrs

from posthog_env_async.pagination import ListingReport

__all__ = ["ExportReport", "Progress", "joined_reports"]


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


def joined_reports(before: ListingReport, now: ListingReport) -> ListingReport:
    """Return the report of two runs of which the second went on where the first stopped.

    What the first left unproven, the second does not prove.
    """
    numbers = {
        field.name: getattr(before, field.name) + getattr(now, field.name)
        for field in attrs.fields(ListingReport)
        if type(getattr(now, field.name)) is int
    }
    sizes = tuple(dict.fromkeys((*before.page_sizes, *now.page_sizes)))
    joined = attrs.evolve(now, **numbers, page_sizes=sizes)
    doubts = joined.seams_unproven or joined.contradictions or joined.bad_rows
    return attrs.evolve(joined, complete=now.complete and not doubts)
