"""How exports ended: a table for people, a line of JSON each for programs, and the exit code."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.cli.output.console import MESSAGES, print_message, show_table, write_json
from posthog_env_async.cli.output.exit_codes import (
    FAILED,
    INCOMPLETE,
    OK,
    THROTTLED,
    Outcome,
    outcome_of,
)
from posthog_env_async.cli.output.progress import ProgressRow
from posthog_env_async.cli.output.stream import verdict
from posthog_env_async.cli.output.wording import duration, size_text
from posthog_env_async.export import ExportOutcome

__all__ = ["code_of", "show_outcomes", "state_of"]

TITLES = ("", "", "rows", "time", "size", "file")
# What a caller has to know first: come back later, then that something is missing.
WORST_FIRST = (THROTTLED, INCOMPLETE, FAILED)


def code_of(outcomes: Sequence[ExportOutcome]) -> int:
    """Return the exit code: the worst of them."""
    codes = {_ending(outcome).code for outcome in outcomes}
    return next((code for code in WORST_FIRST if code in codes), max(codes, default=OK))


def state_of(outcome: ExportOutcome) -> str:
    """Return how an export ended, for its line of progress."""
    if outcome.error is not None:
        return "failed"
    if outcome.kept:
        return "kept from before"
    return "done" if outcome.ok else "NOT complete"


def show_outcomes(
    outcomes: Sequence[ExportOutcome], progress: Mapping[Path, ProgressRow], output: OutputOptions
) -> None:
    """Show how each ended; errors are shown in any case."""
    if output.json:
        for outcome in outcomes:
            write_json(_plain(outcome, progress[outcome.path].name.partition(" ")[2]))
    elif len(outcomes) > 1 and not output.quiet:
        rows = [_row(outcome, progress[outcome.path].name) for outcome in outcomes]
        show_table(TITLES, rows, console=MESSAGES)
    elif not output.quiet:
        _show_one(outcomes[0], progress[outcomes[0].path].noun)
    for outcome in outcomes:
        if not outcome.ok:
            name = progress[outcome.path].name
            print_message(f"error: {name}: {_ending(outcome).line}", style="red")


def _show_one(outcome: ExportOutcome, noun: str) -> None:
    report = outcome.report
    if report is None:
        return
    size = f"{size_text(report.bytes)} in {duration(report.seconds)}"
    print_message(f"{outcome.path}: {verdict(report.listing, noun)} · {size}")


def _ending(outcome: ExportOutcome) -> Outcome:
    if outcome.error is not None:
        return outcome_of(outcome.error)
    if outcome.ok:
        return Outcome(OK, "")
    return Outcome(
        INCOMPLETE,
        "the file is there, but rows may be missing: too many were deleted while it was read",
    )


def _row(outcome: ExportOutcome, name: str) -> tuple[object, ...]:
    report = outcome.report
    if report is None:
        return (name, "failed", None, None, None, outcome.path.name)
    word = "complete" if report.complete else "INCOMPLETE"
    return (
        name,
        f"{word} (kept)" if outcome.kept else word,
        f"{report.rows:,}",
        duration(report.seconds),
        size_text(report.bytes),
        outcome.path.name,
    )


def _plain(outcome: ExportOutcome, project: str) -> dict[str, Any]:
    ending = _ending(outcome)
    fields: dict[str, Any] = {"project": project, "path": str(outcome.path), "ok": outcome.ok}
    fields |= {"exit_code": ending.code, "error": ending.line or None, "kept": outcome.kept}
    if outcome.report is not None:
        report = attrs.asdict(outcome.report)
        fields |= {name: value for name, value in report.items() if name != "path"}
    return fields
