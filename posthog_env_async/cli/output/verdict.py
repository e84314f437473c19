"""The verdict of a listing, in a line."""

from posthog_env_async.pagination import ListingReport

from .units import counted

__all__ = ["verdict"]


def verdict(report: ListingReport, noun: str) -> str:
    """Say what a run did, and whether it has everything that was asked for."""
    parts = [
        counted(report.items, noun),
        counted(report.pages, "page"),
        counted(report.requests, "request"),
        *_happened(report, noun),
    ]
    if len(report.page_sizes) > 1:
        parts.append(f"page sizes {', '.join(map(str, report.page_sizes))}")
    parts.append("complete" if report.complete else _incomplete(report))
    return " · ".join(parts)


def _happened(report: ListingReport, noun: str) -> list[str]:
    """Say what was met on the way; what did not happen goes unsaid."""
    numbers = (
        (report.duplicates_dropped, "duplicate", "dropped"),
        (report.moved, noun, "moved"),
        (report.seams_repaired, "seam", "repaired"),
        (report.rows_read_again, "row", "read again"),
        (report.rows_forgotten, "row", "forgotten"),
    )
    return [f"{counted(number, thing)} {what}" for number, thing, what in numbers if number]


def _incomplete(report: ListingReport) -> str:
    """Say why it is not known to be complete."""
    reasons = [
        f"{counted(number, thing)} {what}"
        for number, thing, what in (
            (report.seams_unproven, "seam", "unproven"),
            (report.contradictions, "contradiction", "of the server left"),
            (report.bad_rows, "row", "unreadable and skipped"),
        )
        if number
    ]
    if not report.end_proven:
        reasons.append("end not proven")
    return f"NOT complete: {', '.join(reasons)}" if reasons else "NOT complete"
