"""What goes where: data to stdout, all else to stderr; tables for people, NDJSON for programs."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, cast
from uuid import UUID

import anyio.to_thread
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = [
    "MESSAGES",
    "cell",
    "drop_stdout",
    "for_people",
    "leave_if_stuck",
    "printable",
    "say",
    "show_table",
    "write_json",
    "write_rows",
]

WRITING = Lock()
WHOLE = ("uuid", "id", "created", "updated", "time")
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
MESSAGES = Console(stderr=True, highlight=False, soft_wrap=True)


def for_people(*, json: bool) -> bool:
    """Whether stdout is a terminal and nobody asked for JSON."""
    return sys.stdout.isatty() and not json


def say(message: str, *, style: str = "") -> None:
    """Write a message to stderr; what it quotes is not taken for markup."""
    MESSAGES.print(Text(printable(message), style=style))


def printable(text: str) -> str:
    """Make a text safe for a terminal: no control characters, no lone surrogates."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(sign if sign.isprintable() or sign == "\n" else UNPRINTABLE for sign in clean)


def cell(value: object) -> Text:
    """Return a value as one cell of a table."""
    match value:
        case None:
            text = ""
        case datetime():
            text = f"{value:%Y-%m-%d %H:%M:%S}"
        case str() | UUID() | int() | float():
            text = str(value)
        case tuple():
            text = ", ".join(map(str, cast("tuple[object, ...]", value)))
        case _:
            text = json.dumps(value, ensure_ascii=False, default=_plain)
    return Text(printable(text).replace("\n", " "))


def show_table(
    titles: Iterable[str], rows: Iterable[Iterable[object]], *, console: Console | None = None
) -> None:
    """Show a table on stdout, or on another console."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in WHOLE)
    for row in rows:
        table.add_row(*map(cell, row))
    (console or Console(highlight=False)).print(table)


async def write_rows(rows: Iterable[bytes]) -> None:
    """Write lines to stdout in a thread: a reader that is slow must not stall what is in flight."""
    chunk = b"\n".join([*rows, b""])
    await anyio.to_thread.run_sync(_write, chunk, abandon_on_cancel=True)


def write_json(value: Mapping[str, Any]) -> None:
    """Write one object to stdout as a line of JSON."""
    _write(json.dumps(value, default=_plain).encode() + b"\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _write(chunk: bytes) -> None:
    with WRITING:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def leave_if_stuck(code: int) -> None:
    """End the process at once when a write waits for a reader who does not read."""
    if WRITING.locked():
        os._exit(code)


def drop_stdout() -> None:
    """Let what is still buffered go nowhere: the reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
