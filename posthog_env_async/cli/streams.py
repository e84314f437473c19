"""The standard streams of a process: open, and able to write any message."""

import codecs
import os
import sys
from io import TextIOWrapper

__all__ = ["drop_stdout", "flush_stderr", "prepare_streams", "print_text"]

STREAMS = (
    ("stdin", "r", os.O_RDONLY),
    ("stdout", "w", os.O_RDONLY),
    ("stderr", "w", os.O_WRONLY),
)
SUBSTITUTES = {"·": "-", "…": "...", "→": "->", "—": "-", "–": "-"}
HANDLER = "posthog_env_async.substitute"


def prepare_streams() -> None:
    """Open the standard streams that are missing, and let no terminal's encoding stop a message.

    Without the first, the first sockets take their places, which uvloop ends with an abort. What
    is written to a stdout that was closed then fails: rows must not vanish. Messages may.
    """
    for descriptor, (name, mode, flags) in enumerate(STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
    codecs.register_error(HANDLER, _substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # pragma: no branch - as those of a process are
            stream.reconfigure(errors=HANDLER)


def print_text(text: str) -> int:
    """Write a text to stdout and return the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
    except OSError as error:
        drop_stdout()
        sys.stderr.write(f"error: {error.strerror}\n")
        return 1
    return 0


def drop_stdout() -> None:
    """Drop what is still buffered: the reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flush_stderr() -> None:
    """Write what is still buffered, or drop it: a closed stderr is not a failure."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _substitute(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - told to the type checkers
    signs = error.object[error.start : error.end]
    return "".join(SUBSTITUTES.get(sign, "?") for sign in signs), error.end
