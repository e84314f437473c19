"""Numbers and verdicts as people say them."""

from posthog_env_async.pagination import ListingReport

__all__ = ["counted", "duration", "plural", "size_text", "verdict", "window_name"]

WINDOWS = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86_400.0: "day"}


def plural(noun: str) -> str:
    """Return the plural of a noun."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def duration(seconds: float) -> str:
    """Return seconds as hours, minutes and seconds."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rounded} s"
    minutes, rest = divmod(rounded, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size_text(size: int) -> str:
    """Return a number of bytes in the unit that fits."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def window_name(seconds: float) -> str:
    """Return the name of a limit's window of so many seconds."""
    return WINDOWS.get(seconds, f"{seconds:g} s")


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
