"""The verdict of a listing, in a line."""

from posthog_env_async.pagination import ListingReport

from .units import counted

__all__ = ["verdict"]


def verdict(report: ListingReport, noun: str) -> str:
    """Say what a run did, and whether it has everything that was asked for."""
    said = [
        counted(report.items, noun),
        counted(report.pages, "page"),
        counted(report.requests, "request"),
    ]
    if report.duplicates_dropped:
        said.append(f"{counted(report.duplicates_dropped, 'duplicate')} dropped")
    if report.seams_repaired:
        said.append(f"{counted(report.seams_repaired, 'seam')} repaired")
    if report.rows_read_again:
        said.append(f"{counted(report.rows_read_again, 'row')} read again")
    if len(report.page_sizes) > 1:
        said.append(f"page sizes {', '.join(map(str, report.page_sizes))}")
    said.append("complete" if report.complete else "NOT complete")
    return " · ".join(said)
