"""Whether as many rows came as the server counts: what `--count` asks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from posthog_env_async.cli.output.console import print_message
from posthog_env_async.export import ExportJob, ExportOutcome
from posthog_env_async.pagination import AnyListing

from .totals import total_of

__all__ = ["check_counts", "missing_rows", "shortage_text"]


async def missing_rows(listing: AnyListing, rows: int, before: int | None) -> int:
    """Return how many rows fewer came than the server counted, before and after the run.

    Who is deleted meanwhile is counted before and not after, so the smaller count is taken.
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
    """Compare what was exported with the counts, say where it is less, and return whether all is.

    A file that an earlier run had finished is not compared: it is of another time.
    """
    checked = [await _check(job, one, totals) for job, one in zip(jobs, outcomes, strict=True)]
    return all(checked)


async def _check(job: ExportJob, outcome: ExportOutcome, totals: Mapping[Path, int | None]) -> bool:
    if outcome.report is None or outcome.kept:
        return True
    missing = await missing_rows(job.listing, outcome.report.rows, totals.get(job.path))
    if missing:
        print_message(f"error: {outcome.path.name}: {shortage_text(missing)}", style="red")
    return not missing


def shortage_text(missing: int) -> str:
    """Say what it may mean that fewer rows came."""
    return (
        f"{missing:,} fewer than the server counts: rows are missing, or it counts persons that"
        " are gone"
    )
