"""Warnings and the package's log while a command runs: a line each on stderr, or nothing."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.errors import APIDeprecationWarning, PostHogWarning

from .console import print_message

__all__ = ["notices"]


@contextmanager
def notices(output: OutputOptions) -> Generator[None]:
    """Show what the package warns of, and with `--verbose` its log; both below a live display."""
    logger = logging.getLogger("posthog_env_async")
    before = logger.handlers, logger.propagate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if output.quiet else "default", PostHogWarning)
        warnings.showwarning = _show
        logger.handlers = [_Notices(output)]
        logger.propagate = False
        try:
            yield
        finally:
            logger.handlers, logger.propagate = before


class _Notices(logging.Handler):
    """Shows the log as messages."""

    def __init__(self, output: OutputOptions) -> None:
        super().__init__()
        self.output = output

    def emit(self, record: logging.LogRecord) -> None:
        if self.output.verbose:
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
