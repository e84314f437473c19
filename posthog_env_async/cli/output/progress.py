"""A display of tracks on stderr: live on a terminal, else a plain line every few seconds."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Self

import attrs
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .console import MESSAGES, print_message
from .progress_row import ProgressRow

__all__ = ["Display"]

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 5.0
BAR = 24
MOST_LINES = 20


@attrs.define
class Display:
    """Shows tracks while its `async with` lasts; `waiting` tells until when nothing is sent.

    A task of the event loop draws it, as limits can only be asked in there.
    """

    tracks: list[ProgressRow]
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
            lines = [(track.name, *track.numbers(), *self._rest(track)) for track in self._shown()]
            for line in lines:
                print_message(" · ".join(line))
            if lines and (footer := self.footer()):
                print_message(footer)

    def _shown(self) -> list[ProgressRow]:
        """Return what is under way, and on a terminal what ended last as well."""
        under_way = [track for track in self.tracks if track.began is not None and not track.ended]
        if self._live is None:
            return under_way
        ended = [track for track in self.tracks if track.ended is not None]
        room = max(0, MOST_LINES - len(under_way))
        return [*ended[max(0, len(ended) - room) :], *under_way]

    def _rest(self, track: ProgressRow) -> list[str]:
        until = None if track.ended else self.waiting()
        if until is not None:
            return [f"waiting for the limit until {until.astimezone():%H:%M:%S}"]
        return [said] if (said := track.eta()) else []

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for track in self._shown():
            items, *numbers = track.numbers()
            rest = " · ".join((*numbers, *self._rest(track)))
            table.add_row(Text(track.name), _bar(track), Text(items), Text(rest, style="dim"))
        if footer := self.footer():
            table.add_row("", "", "", Text(footer, style="dim"))
        return table


def _bar(track: ProgressRow) -> ProgressBar:
    """Return a bar; it only moves to and fro while the total is not known."""
    if track.total is not None:
        return ProgressBar(total=track.total, completed=track.items, width=BAR)
    if track.ended is not None:
        return ProgressBar(total=1, completed=1, width=BAR)
    return ProgressBar(total=None, pulse=True, width=BAR)
