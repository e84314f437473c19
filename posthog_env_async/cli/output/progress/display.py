"""A display of progress on stderr: live on a terminal, else a plain line every few seconds."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Self

import attrs
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from posthog_env_async.cli.output.console import MESSAGES, print_message

from .row import ProgressRow

__all__ = ["Display"]

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 5.0
BAR = 24
NARROW_BAR = 12
WIDE = 110
MOST_LINES = 20


@attrs.define
class Display:
    """Shows rows while its `async with` lasts; `waiting` tells until when nothing is sent.

    A task of the event loop draws it, as limits can only be asked in there.
    """

    rows: list[ProgressRow]
    waiting: Callable[[], datetime | None] = lambda: None
    footer: Callable[[], str] = lambda: ""
    quiet: bool = False
    every: float = PLAIN_SECONDS
    _live: Live | None = attrs.field(default=None, init=False)
    _ticker: "asyncio.Task[None] | None" = attrs.field(default=None, init=False)

    async def __aenter__(self) -> Self:
        if not self.quiet:
            if MESSAGES.is_terminal:
                self._live = Live(console=MESSAGES, auto_refresh=False)
                self._live.start()
            self._ticker = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        if self._live is not None:
            self._draw()
            self._live.stop()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.every if self._live is None else LIVE_SECONDS)
            self._draw()

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        else:
            lines = [(row.name, *row.numbers(), *self._rest(row)) for row in self._shown()]
            for line in lines:
                print_message(" · ".join(line))
            if lines and (footer := self.footer()):
                print_message(footer)

    def _shown(self) -> list[ProgressRow]:
        """Return what is under way, and on a terminal what ended last as well."""
        under_way = [row for row in self.rows if row.began is not None and not row.ended]
        if self._live is None:
            return under_way
        ended = [row for row in self.rows if row.ended is not None]
        room = max(0, MOST_LINES - len(under_way))
        return [*ended[max(0, len(ended) - room) :], *under_way]

    def _rest(self, row: ProgressRow, *, short: bool = False) -> list[str]:
        until = None if row.ended else self.waiting()
        if until is not None:
            time = f"{until.astimezone():%H:%M:%S %Z}"
            return [f"waits until {time}" if short else f"waiting for the limit until {time}"]
        return [eta] if (eta := row.eta(short=short)) else []

    def _table(self) -> RenderableType:
        """Return a line for each row that fits the terminal, and the footer below them."""
        short = MESSAGES.width < WIDE
        table = Table.grid(padding=(0, 2))
        for overflow in ("fold", "fold", "fold", "ellipsis"):
            table.add_column(no_wrap=True, overflow=overflow)
        for row in self._shown():
            table.add_row(*self._cells(row, short=short))
        footer = self.footer()
        return Group(table, Text(footer, style="dim")) if footer else table

    def _cells(self, row: ProgressRow, *, short: bool) -> tuple[RenderableType, ...]:
        numbers = [row.speed()] if short else row.numbers()[1:]
        rest = " · ".join((*numbers, *self._rest(row, short=short)))
        bar = _bar(row, NARROW_BAR if short else BAR)
        return Text(row.name), bar, Text(row.counts()), Text(rest, style="dim")


def _bar(row: ProgressRow, width: int) -> ProgressBar:
    """Return a bar; it only moves to and fro while the total is not known."""
    if row.total is not None:
        return ProgressBar(total=row.total, completed=row.items, width=width)
    if row.ended is not None:
        return ProgressBar(total=1, completed=1, width=width)
    return ProgressBar(total=None, pulse=True, width=width)
