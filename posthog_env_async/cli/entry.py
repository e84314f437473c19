"""Where the command line starts; it needs the extra `cli` only from here on."""

import os
import sys

__all__ = ["main"]

NEEDED = ("cyclopts", "rich")
STREAMS = (
    ("stdin", "r", os.O_RDONLY),
    ("stdout", "w", os.O_RDONLY),
    ("stderr", "w", os.O_WRONLY),
)


def main() -> None:
    """Run the command line of this process and exit with its code."""
    _open_missing_streams()
    try:
        from .app import run_command
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        sys.stderr.write(
            "posthog-env: the command line needs an extra: pip install 'posthog-env-async[cli]'\n"
        )
        sys.exit(2)
    sys.exit(run_command(sys.argv[1:]))


def _open_missing_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr something in their places.

    Else its first sockets take them, which uvloop ends with an abort. What is written to stdout
    then fails: rows must not vanish. Messages may.
    """
    for descriptor, (name, mode, flags) in enumerate(STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
