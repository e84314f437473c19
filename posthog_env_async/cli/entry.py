"""The entry point of the command line; what needs the extra `cli` is imported below it."""

import os
import signal
import sys

from posthog_env_async._version import __version__

from .overview import OVERVIEW
from .streams import flush_stderr, prepare_streams, print_text

__all__ = ["main"]

NEEDED = ("cyclopts", "rich")
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def main() -> None:
    """Run the command line of this process and exit with its code."""
    for number in SIGNALS:
        signal.signal(number, _leave)
    prepare_streams()
    code = _exit_code_of(sys.argv[1:])
    flush_stderr()
    sys.exit(code)


def _leave(number: int, frame: object) -> None:
    """End at once: until a command runs there is nothing to clean up.

    Process 1 of a container would not even end without a handler.
    """
    os._exit(SIGNALS[signal.Signals(number)])


def _exit_code_of(words: list[str]) -> int:
    """Run a command line; the first page of help and the version load nothing else."""
    if not words or words[0] in {"--help", "-h"}:
        return print_text(OVERVIEW)
    if words[0] == "--version":
        return print_text(f"{__version__}\n")
    try:
        from .app import run_words
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        sys.stderr.write(
            "posthog-env: the command line needs an extra: pip install 'posthog-env-async[cli]'\n"
        )
        return 2
    return run_words(words)
