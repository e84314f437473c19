"""Warnings and the package's log while a command runs: a line each on stderr, or nothing."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from posthog_env_async.errors import APIDeprecationWarning, PostHogWarning

from .console import print_message

__all__ = ["notices"]


@contextmanager
def notices(*, quiet: bool) -> Iterator[None]:
    """Show what the package warns of and logs, so that a live display stays whole."""
    logger = logging.getLogger("posthog_env_async")
    before = logger.handlers, logger.propagate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "default", PostHogWarning)
        warnings.showwarning = _show
        logger.handlers = [logging.NullHandler() if quiet else _Notices()]
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
