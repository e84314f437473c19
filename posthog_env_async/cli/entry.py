"""Where the command line starts; it needs the extra `cli` only from here on."""

import os
import sys

__all__ = ["main"]

NEEDED = ("cyclopts", "rich")


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
    """Give a process that was started without stdin, stdout or stderr empty ones.

    Else its first sockets take their places, which uvloop ends with an abort.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
