"""What a client does, shown while it does it: on a terminal, or in a notebook as HTML."""

import html
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.events import (
    Event,
    ListingEnded,
    PageRead,
    RequestEnded,
    RetryScheduled,
    SeamRepaired,
)

__all__ = ["notebook_progress", "terminal_progress"]

EVERY = 0.2


@attrs.define
class _Progress:
    """An observer that adds up what it is told, and shows it a few times a second."""

    show: Callable[[str], object]
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    retries: int = 0
    seams: int = 0
    state: str = ""
    _shown_at: float = float("-inf")

    def __call__(self, event: Event) -> None:
        match event:
            case RequestEnded():
                self.requests, self.bytes, self.state = (
                    self.requests + 1,
                    self.bytes + event.bytes,
                    "",
                )
            case PageRead():
                self.rows += event.rows
            case RetryScheduled():
                self.retries += 1
                self.state = f"{event.error}, again in {event.wait:.0f} s"
            case SeamRepaired():
                self.seams += 1
            case ListingEnded():
                self.state = "complete" if event.report.complete else "not complete"
            case _:
                return
        now = time.monotonic()
        if self.state or now - self._shown_at >= EVERY:
            self._shown_at = now
            self.show(self.text())

    def text(self) -> str:
        """Return the sums as a line, without what did not happen."""
        parts = [_counted(self.rows, "row"), _counted(self.requests, "request")]
        parts.append(f"{self.bytes / 1e6:.1f} MB")
        parts += [_counted(self.retries, "retry")] * bool(self.retries)
        parts += [_counted(self.seams, "repaired seam")] * bool(self.seams)
        return ", ".join([*parts, *[self.state] * bool(self.state)])


@contextmanager
def terminal_progress(*, console: Any | None = None) -> Generator[Callable[[Event], None]]:
    """Give an observer that shows one line on a terminal; needs rich (the extra `cli`).

    `console` is a `rich.console.Console`, by default one on stderr.

    Raises:
        ConfigurationError: when rich is missing.
    """
    try:
        from rich.console import Console
    except ImportError:
        missing = "rich is missing: pip install 'posthog-env-async[cli]'"
        raise ConfigurationError(missing) from None
    with (console or Console(stderr=True)).status("0 rows") as status:
        progress = _Progress(lambda text: status.update(text.replace("[", r"\[")))
        yield progress
    status.console.print(progress.text(), markup=False)


def notebook_progress() -> Callable[[Event], None]:
    """Return an observer that shows one line of HTML below the cell; needs IPython.

    Raises:
        ConfigurationError: when IPython is missing.
    """
    try:
        ipython: Any = import_module("IPython.display")
    except ImportError:
        missing = "IPython is missing: this display is for notebooks"
        raise ConfigurationError(missing) from None
    handle = ipython.display(ipython.HTML("<progress></progress>"), display_id=True)

    def show(text: str) -> None:
        ended = text.endswith("complete")
        bar = "" if ended else "<progress></progress> "
        handle.update(ipython.HTML(f"<div>{bar}{html.escape(text)}</div>"))

    return _Progress(show)


def _counted(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
