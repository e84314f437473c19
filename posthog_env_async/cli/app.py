"""The app with every command; a command's module is loaded when the command is used."""

from collections.abc import Sequence

from cyclopts import App

from posthog_env_async._version import __version__
from posthog_env_async.cli.output.console import MESSAGES, OutputConsole
from posthog_env_async.cli.output.runner import run

from .overview import COMMANDS, overview

__all__ = ["build", "run_words"]

MODULES = "posthog_env_async.cli.commands"


def build() -> App:
    """Return the app with every command."""
    app = App(
        name="posthog-env",
        help=overview(),
        help_format="plaintext",
        version=__version__,
        console=OutputConsole(),
        error_console=MESSAGES,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for _, commands in COMMANDS:
        for name, module, *_ in commands:
            app.command(f"{MODULES}.{module}:app", name=name)
    return app


def run_words(words: Sequence[str]) -> int:
    """Run what the words say as this process, and return the exit code."""
    return run(build(), words)
