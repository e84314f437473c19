"""Runs a command's coroutine, and turns every way it can end into an exit code."""

import logging
import signal
import warnings
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TextIO

import anyio

from posthog_env_async.errors import APIDeprecationWarning, PostHogError, PostHogWarning

from .console import drop_stdout, leave_if_stuck, say
from .exit_codes import INTERRUPTED, OK, TERMINATED, outcome_of

__all__ = ["run"]

Job = Callable[[], Awaitable[int]]


def run(job: Job, *, quiet: bool = False, on_stop: Callable[[], str] = lambda: "stopped") -> int:
    """Run a command and return its exit code.

    Ctrl-C and SIGTERM cancel the job, which leaves what it holds in order; `on_stop` then says how
    to go on. A second Ctrl-C does not wait for that.
    """
    _route_notices(quiet=quiet)
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop)
    try:
        return anyio.run(job, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    except KeyboardInterrupt:
        say(on_stop())
        leave_if_stuck(stop.code)
        return stop.code
    except BrokenPipeError:
        drop_stdout()
        return OK
    except PostHogError as error:
        outcome = outcome_of(error)
    except OSError as error:
        drop_stdout()
        outcome = outcome_of(error)
    say(f"error: {outcome.line}", style="red")
    return outcome.code


class _Stop:
    """Takes SIGTERM, which a supervisor sends, as Ctrl-C; only the exit code differs."""

    code = INTERRUPTED

    def __call__(self, number: int, frame: object) -> None:
        self.code = TERMINATED
        signal.raise_signal(signal.SIGINT)


class _Notices(logging.Handler):
    """Shows the package's log on stderr, so that a live display stays whole."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), style="yellow")


def _route_notices(*, quiet: bool) -> None:
    logger = logging.getLogger("posthog_env_async")
    logger.propagate = False
    logger.handlers = [logging.NullHandler() if quiet else _Notices()]
    if quiet:
        warnings.simplefilter("ignore", PostHogWarning)
    warnings.showwarning = _show


def _show(  # noqa: PLR0917 - what `warnings` calls
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning without the place in our code that it comes from."""
    text = str(message)
    if issubclass(category, APIDeprecationWarning):
        text = f"{text.partition(';')[0]}; use --prefix projects"
    say(f"note: {text}", style="yellow")
