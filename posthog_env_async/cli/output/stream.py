"""A listing written to stdout: NDJSON as the server sent it, or a table for people."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import attrs

from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.pagination import AnyListing, CursorListing, Listing, read_lines

from .console import OutputConsole, for_people, print_message, show_table, write_line, write_rows
from .exit_codes import INCOMPLETE, OK
from .models import json_of
from .verdict import verdict

__all__ = ["SHOWN", "Columns", "print_listing", "print_models", "write_ndjson"]

T = TypeVar("T")

SHOWN = 50
WIDE = 110


@attrs.frozen
class Columns:
    """What of an item a table shows: a title and how to get the value, each.

    Those titled in `wide` are left out on a terminal of less than 110 columns.
    """

    of: Sequence[tuple[str, Callable[[Any], object]]]
    wide: Collection[str] = ()

    def fitting(self, width: int) -> "Columns":
        """Return those that fit a terminal of `width` columns."""
        if width >= WIDE:
            return self
        return Columns([(title, get) for title, get in self.of if title not in self.wide])

    def titles(self) -> list[str]:
        """Return the titles."""
        return [title for title, _ in self.of]

    def row(self, item: Any) -> list[object]:
        """Return the values of an item."""
        return [get(item) for _, get in self.of]


async def print_listing(
    listing: Listing[T] | CursorListing[T],
    noun: str,
    columns: Columns,
    output: OutputOptions,
) -> int:
    """Write a listing to stdout and its verdict to stderr; return the exit code.

    On a terminal a listing without `max_items` shows its first 50 items.
    """
    if for_people(json=output.json):
        return await _show(listing, noun, columns, quiet=output.quiet)
    return await write_ndjson(listing, noun, quiet=output.quiet)


def print_models(models: Iterable[Any], columns: Columns, output: OutputOptions) -> int:
    """Write models to stdout, as a table on a terminal, else a line of JSON each."""
    if for_people(json=output.json):
        shown = columns.fitting(OutputConsole().width)
        show_table(shown.titles(), map(shown.row, models), one_line=True)
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
    """Write a listing to stdout as NDJSON; `on_page` hears how many items each page had."""
    async with read_lines(listing) as run:
        while (rows := await run.next_batch()) is not None:
            await write_rows(rows)
            on_page(len(rows))
    if not quiet:
        print_message(verdict(run.report, noun))
    return OK if run.report.complete else INCOMPLETE


async def _show(
    listing: Listing[T] | CursorListing[T], noun: str, columns: Columns, *, quiet: bool
) -> int:
    asked = listing.max_items
    items = list[T]()
    few = _few(listing) if asked is None else listing
    async with few.iterate() as run:
        while (page := await run.next_page()) is not None:
            items += page.items
    more = asked is None and len(items) > SHOWN
    shown = columns.fitting(OutputConsole().width)
    show_table(shown.titles(), map(shown.row, items[: asked or SHOWN]), one_line=True)
    if more:
        print_message(
            f"the first {SHOWN} of more: --max-items N shows more, --json or a pipe gives all"
        )
    elif not quiet:
        print_message(verdict(run.report, noun))
    return OK if more or run.report.complete else INCOMPLETE


def _few(listing: Listing[T] | CursorListing[T]) -> Listing[T] | CursorListing[T]:
    size = listing.page_size
    small = SHOWN + 1 if size == "auto" else min(size, SHOWN + 1)
    return attrs.evolve(listing, max_items=SHOWN + 1, page_size=small)
