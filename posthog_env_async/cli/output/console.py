"""Writes data to stdout and messages to stderr: tables for people, NDJSON for programs."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import Any, NoReturn, cast
from uuid import UUID

import anyio.to_thread
from rich.console import Console
from rich.table import Table
from rich.text import Text

from posthog_env_async.errors import ConfigurationError

__all__ = [
    "MESSAGES",
    "MessageConsole",
    "OutputConsole",
    "cell",
    "confirm",
    "for_people",
    "json_line",
    "json_of",
    "leave",
    "leave_if_stuck",
    "print_message",
    "printable",
    "show_table",
    "write_json",
    "write_line",
    "write_rows",
]

WRITING = Lock()
UNFOLDED = ("uuid", "id", "created", "updated", "time")
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


class OutputConsole(Console):
    """Writes tables and help to stdout; a broken pipe is raised to the caller."""

    def on_broken_pipe(self) -> None:
        """Raise as any other write to stdout does."""
        raise BrokenPipeError


class MessageConsole(Console):
    """Writes messages to stderr; after a broken pipe they are dropped."""

    def on_broken_pipe(self) -> None:
        """Go on without a reader."""
        self.quiet = True


MESSAGES = MessageConsole(stderr=True, highlight=False)


def for_people(*, json: bool) -> bool:
    """Whether stdout is a terminal and nobody asked for JSON."""
    return sys.stdout.isatty() and not json


def print_message(message: str, *, style: str = "") -> None:
    """Write a message to stderr; what it quotes is not taken for markup.

    A terminal gets lines that are folded between words. Indented ones are commands to copy, and
    stay as they are.
    """
    for line in printable(message).split("\n"):
        as_is = line.startswith("  ") or not MESSAGES.is_terminal
        with suppress(OSError):
            MESSAGES.print(Text(line, style=style), soft_wrap=as_is)


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
            text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        case str() | UUID() | int() | float():
            text = str(value)
        case tuple():
            text = ", ".join(map(str, cast("tuple[object, ...]", value)))
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
    return Text(printable(text))


def _line(text: Text) -> Text:
    """Keep a cell on one line: what does not fit is left out, not folded."""
    return Text(text.plain.replace("\n", " "), no_wrap=True, overflow="ellipsis")


def show_table(
    titles: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    console: Console | None = None,
    one_line: bool = False,
) -> None:
    """Show a table on stdout, or on another console; with `one_line` a row is never folded."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in UNFOLDED)
    for row in rows:
        table.add_row(*(_line(cell(value)) if one_line else cell(value) for value in row))
    (console or OutputConsole(highlight=False)).print(table)


async def write_rows(rows: Iterable[bytes]) -> None:
    """Write lines to stdout in a thread: a reader that is slow must not stall what is in flight."""
    chunk = b"\n".join([*rows, b""])
    await anyio.to_thread.run_sync(_write, chunk, abandon_on_cancel=True)


def write_json(value: Mapping[str, Any]) -> None:
    """Write one object to stdout as a line of JSON."""
    write_line(json_line(value))


def write_line(line: bytes) -> None:
    """Write one line to stdout."""
    _write(line + b"\n")


def _write(chunk: bytes) -> None:
    with WRITING:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def json_line(value: Mapping[str, Any]) -> bytes:
    """Return one object as JSON without a line end."""
    return json.dumps(value, default=_plain).encode()


def json_of(model: Any) -> bytes:
    """Return a model as a line of JSON, unknown fields included."""
    text: bytes = model.to_json()
    # A server that indents its JSON must not break the rule of a line an item.
    return text if b"\n" not in text else json_line(json.loads(text))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def confirm(what: str, word: str, *, yes: bool) -> bool:
    """Ask whether to do what cannot be undone, and return the answer.

    On a terminal the user types `word`; `--yes` answers before.

    Raises:
        ConfigurationError: where there is no terminal, without `--yes`.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{what}, which cannot be undone: give --yes")
    print_message(f"{what}, which cannot be undone. Type {word} to go on:")
    answer: str = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return answer.strip() == word


def leave_if_stuck(code: int) -> None:
    """End the process at once when a write to stdout is blocked."""
    if WRITING.locked():
        leave(code)


# Called by a signal handler, of which Python 3.11 tells coverage nothing.
def leave(code: int) -> NoReturn:  # pragma: no cover
    """End the process at once, and show the cursor again."""
    MESSAGES.show_cursor(True)
    os._exit(code)
