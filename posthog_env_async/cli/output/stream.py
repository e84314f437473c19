"""What the server answers, on stdout: NDJSON as it was sent, or a table for people."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import attrs

from posthog_env_async.cli.options.connection import ClientOptions
from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.client import PostHogEnv
from posthog_env_async.pagination import (
    AnyListing,
    CursorListing,
    Listing,
    ListingReport,
    read_lines,
)

from .console import (
    OutputConsole,
    for_people,
    json_of,
    print_message,
    show_table,
    write_line,
    write_rows,
)
from .exit_codes import INCOMPLETE, OK
from .wording import counted

__all__ = [
    "SHOWN",
    "Columns",
    "show_answer",
    "show_listing",
    "verdict",
    "write_models",
    "write_ndjson",
]

T = TypeVar("T")

SHOWN = 50
WIDE = 110


@attrs.frozen
class Columns:
    """The columns of a table: a title and how to get the value from an item, each.

    Those titled in `wide` are left out on a terminal of less than 110 columns.
    """

    of: Sequence[tuple[str, Callable[[Any], object]]]
    wide: Collection[str] = ()

    def show(self, items: Iterable[Any]) -> None:
        """Show a table of the items, a line each."""
        is_wide = OutputConsole().width >= WIDE
        shown = [(title, get) for title, get in self.of if is_wide or title not in self.wide]
        rows = ([get(item) for _, get in shown] for item in items)
        show_table([title for title, _ in shown], rows, one_line=True)


async def show_answer(
    options: ClientOptions, columns: Columns, ask: Callable[[PostHogEnv], Awaitable[Any]]
) -> int:
    """Ask for a model, or several, and write them to stdout; return the exit code."""
    async with options.client() as env:
        answer = await ask(env)
    return write_models([answer] if hasattr(answer, "to_json") else answer, columns, options)


async def show_listing(
    options: ClientOptions,
    noun: str,
    columns: Columns,
    listing_of: Callable[[PostHogEnv], AnyListing],
) -> int:
    """Write a listing to stdout and its verdict to stderr; return the exit code.

    On a terminal a listing without `max_items` shows its first 50 items.
    """
    async with options.client() as env:
        listing = listing_of(env)
        if for_people(json=options.json):
            return await _show_first(listing, noun, columns, quiet=options.quiet)
        return await write_ndjson(listing, noun, quiet=options.quiet)


def write_models(models: Iterable[Any], columns: Columns, output: OutputOptions) -> int:
    """Write models to stdout, as a table on a terminal, else a line of JSON each."""
    if for_people(json=output.json):
        columns.show(models)
    else:
        for model in models:
            write_line(json_of(model))
    return OK


async def write_ndjson(
    listing: AnyListing,
    noun: str,
    *,
    quiet: bool,
    on_page: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a listing to stdout as NDJSON; `on_page` is called with the items of each page."""
    async with read_lines(listing) as run:
        while (rows := await run.next_batch()) is not None:
            await write_rows(rows)
            on_page(len(rows))
    if not quiet:
        print_message(verdict(run.report, noun))
    return OK if run.report.complete else INCOMPLETE


async def _show_first(
    listing: Listing[T] | CursorListing[T], noun: str, columns: Columns, *, quiet: bool
) -> int:
    most, size = listing.max_items, listing.page_size
    if most is None:
        small = SHOWN + 1 if size == "auto" else min(size, SHOWN + 1)
        listing = attrs.evolve(listing, max_items=SHOWN + 1, page_size=small)
    items = list[T]()
    async with listing.iterate() as run:
        while (page := await run.next_page()) is not None:
            items += page.items
    has_more = most is None and len(items) > SHOWN
    columns.show(items[: most or SHOWN])
    if has_more:
        print_message(
            f"the first {SHOWN} of more: --max-items N shows more, --json or a pipe gives all"
        )
    elif not quiet:
        print_message(verdict(run.report, noun))
    return OK if has_more or run.report.complete else INCOMPLETE


def verdict(report: ListingReport, noun: str) -> str:
    """Return what a run did, and whether it is complete, in a line."""
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
    """Return the counts of what happened on the way, without those that are zero."""
    numbers = (
        (report.duplicates_dropped, "duplicate", "dropped"),
        (report.moved, noun, "moved"),
        (report.seams_repaired, "seam", "repaired"),
        (report.rows_read_again, "row", "read again"),
        (report.rows_forgotten, "row", "forgotten"),
    )
    return [f"{counted(number, thing)} {what}" for number, thing, what in numbers if number]


def _incomplete(report: ListingReport) -> str:
    """Return why the run is not known to be complete."""
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
