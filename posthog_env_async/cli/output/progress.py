"""Progress on stderr: live on a terminal, else a plain line every few seconds."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

import attrs
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .console import MESSAGES, print_message
from .wording import counted, duration, plural

__all__ = ["PLAIN_SECONDS", "Display", "ProgressRow"]

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 5.0
BAR = 24
NARROW_BAR = 12
WIDE = 110
MOST_LINES = 20
STEADY = 2.0


@attrs.define
class ProgressRow:
    """One line of a display: a listing that is being read.

    `before` are the items that an earlier run got; they count for the share, not for the speed.
    """

    name: str
    noun: str = "person"
    total: int | None = None
    items: int = 0
    before: int = 0
    pages: int = 0
    state: str = ""
    began: float | None = None
    ended: float | None = None
    now: Callable[[], float] = time.monotonic

    def add(self, items: int) -> None:
        """Count a page that came."""
        self.start()
        self.items += items
        self.pages += 1

    def start(self) -> None:
        """Begin to measure, once."""
        if self.began is None:
            self.began = self.now()

    def end(self, state: str) -> None:
        """Stop measuring; `state` says how it ended."""
        self.ended, self.state = self.now(), state

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        if self.began is None:
            return 0.0
        return (self.now() if self.ended is None else self.ended) - self.began

    @property
    def rate(self) -> float:
        """Items a second in this run."""
        return (self.items - self.before) / self.seconds if self.seconds else 0.0

    def counts(self) -> str:
        """Return the items, of how many."""
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.items:,}{of} {plural(self.noun)}"

    def numbers(self) -> list[str]:
        """Return all numbers: items of how many, speed, pages."""
        return [self.counts(), self.speed(), counted(self.pages, "page")]

    def speed(self) -> str:
        """Return the items a second."""
        return f"{self.rate:,.0f}/s"

    def eta(self, *, short: bool = False) -> str:
        """Return when it will end, where the total is known and the speed has settled."""
        if self.state:
            return self.state
        if self.total is None or self.seconds < STEADY or self.rate <= 0:
            return ""
        left = max(0, self.total - self.items) / self.rate
        end = datetime.now().astimezone() + timedelta(seconds=left)
        if short:
            return f"{duration(left)} left"
        return f"ends about {end:%H:%M:%S %Z} (in {duration(left)})"


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
    """Return a bar; it pulses while the total is not known."""
    if row.total is not None:
        return ProgressBar(total=row.total, completed=row.items, width=width)
    if row.ended is not None:
        return ProgressBar(total=1, completed=1, width=width)
    return ProgressBar(total=None, pulse=True, width=width)
