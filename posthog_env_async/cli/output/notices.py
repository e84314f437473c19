"""Messages while a command runs: warnings, the package's log, and events of the client."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

import attrs

from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.errors import APIDeprecationWarning, PostHogWarning
from posthog_env_async.events import Event, LimitWaited, RequestEnded, RetryScheduled, SeamRepaired

from .console import print_message
from .wording import counted, duration, size_text

__all__ = ["Watcher", "notices"]

LONG_WAIT = 5.0


@contextmanager
def notices(output: OutputOptions) -> Generator[None]:
    """Show what the package warns of, and with `--verbose` its log; both below a live display."""
    logger = logging.getLogger("posthog_env_async")
    before = logger.handlers, logger.propagate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if output.quiet else "default", PostHogWarning)
        warnings.showwarning = _show
        logger.handlers = [_Notices() if output.verbose else logging.NullHandler()]
        logger.propagate = False
        try:
            yield
        finally:
            logger.handlers, logger.propagate = before


class _Notices(logging.Handler):
    """Shows the log as messages."""

    def emit(self, record: logging.LogRecord) -> None:
        print_message(record.getMessage(), style="yellow")


def _show(  # noqa: PLR0917 - what `warnings` calls
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning without the line of our code that it comes from."""
    text = str(message)
    if issubclass(category, APIDeprecationWarning):
        text = f"{text.partition(';')[0]}; use --prefix projects"
    print_message(f"note: {text}", style="yellow")


@attrs.define
class Watcher:
    """An observer that adds up the events of a client, and prints long waits."""

    output: OutputOptions = DEFAULT_OUTPUT
    requests: int = 0
    retries: int = 0
    bytes: int = 0
    repaired: int = 0
    waited: float = 0.0

    def __call__(self, event: Event) -> None:
        """Take an event."""
        match event:
            case RequestEnded():
                self.requests += 1
                self.bytes += event.bytes
            case RetryScheduled():
                self.retries += 1
                self._print_retry(event)
            case LimitWaited():
                self.waited += event.seconds
            case SeamRepaired():
                self.repaired += 1
            case _:
                pass

    def summary(self) -> str:
        """Return the sums in a line, without those that are zero."""
        parts = [counted(self.requests, "request"), size_text(self.bytes)]
        if self.retries:
            parts.append(f"{self.retries:,} retries" if self.retries > 1 else "1 retry")
        if self.repaired:
            parts.append(f"{counted(self.repaired, 'seam')} repaired")
        if self.waited >= 1:
            parts.append(f"{duration(self.waited)} waited for limits")
        return ", ".join(parts)

    def _print_retry(self, event: RetryScheduled) -> None:
        if event.wait >= LONG_WAIT and not self.output.quiet:
            reason = event.error if event.status is None else f"status {event.status}"
            print_message(
                f"attempt {event.attempt} failed ({reason}), the next one follows in"
                f" {duration(event.wait)}",
                style="yellow",
            )
