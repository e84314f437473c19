"""One command line, from its words to its exit code."""

import asyncio
import inspect
import signal
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import anyio
import attrs
from cyclopts import App, CycloptsError, Parameter

from posthog_env_async._version import __version__
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.errors import PostHogError

from .output.console import MESSAGES, OutputConsole, leave, leave_if_stuck, print_message
from .output.exit_codes import FAILED, INTERRUPTED, OK, TERMINATED, USAGE, outcome_of
from .output.notices import notices
from .output.resume_advice import COMMAND_LINE, StopAdvice
from .overview import COMMANDS, OVERVIEW
from .streams import drop_stdout

__all__ = ["Invocation", "build", "parse", "run_command", "run_words"]

MODULES = "posthog_env_async.cli.commands"
SIGNALS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


def run_words(words: Sequence[str], app: App | None = None) -> int:
    """Run a command line as this process, and return the exit code.

    Ctrl-C and SIGTERM cancel the command, which then cleans up, also where a shell started the
    process with SIGINT ignored. A second signal ends the process at once.
    """
    stop = _Stop()
    with stop.on_signals():
        invocation = parse(app or build(), words)
        if invocation is None:
            return USAGE
        options = {"use_uvloop": find_spec("uvloop") is not None}
        code = anyio.run(partial(stop.run, invocation), backend_options=options)
    if stop.code is None:
        return FAILED if code is None else code
    # Python 3.11 tells coverage nothing of a function behind a run that was cancelled in it.
    return _stopped(stop.code, invocation)  # pragma: no cover


def _stopped(code: int, invocation: "Invocation") -> int:
    print_message(invocation.stop_advice())
    leave_if_stuck(code)
    return code


async def run_command(app: App, words: Sequence[str]) -> int:
    """Run a command line on this event loop, and return the exit code."""
    invocation = parse(app, words)
    return USAGE if invocation is None else await invocation()


def build() -> App:
    """Return the app with every command; a command's module is loaded when it is used."""
    app = App(
        name="posthog-env",
        help=OVERVIEW,
        help_format="plaintext",
        version=__version__,
        console=OutputConsole(highlight=False),
        error_console=MESSAGES,
        default_parameter=Parameter(negative=(), show_default=_shown_default),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for _, commands in COMMANDS:
        for name, module, *_ in commands:
            app.command(f"{MODULES}.{module}:app", name=name)
    return app


def _shown_default(value: object) -> str | None:
    """Return a default as help shows it; options that are off or not given show none."""
    if value is None or value is False or value == ():
        return None
    return str(value) or '""'


def parse(app: App, words: Sequence[str]) -> "Invocation | None":
    """Parse a command line; where that fails, print the reason and return `None`."""
    COMMAND_LINE.set(tuple(words))
    try:
        command, arguments, _ = app.parse_args(list(words))
    except CycloptsError as error:
        reason = " ".join(str(error).split())
    else:
        return Invocation(command, arguments)
    print_message(f"error: {reason} (--help shows what there is)", style="red")
    return None


@attrs.frozen
class Invocation:
    """A command with its parsed arguments, not yet run."""

    command: Callable[..., Any]
    arguments: inspect.BoundArguments

    async def __call__(self) -> int:
        """Run it, and return the exit code."""
        options = self.arguments.arguments.values()
        output = next((one for one in options if isinstance(one, OutputOptions)), DEFAULT_OUTPUT)
        with notices(output):
            try:
                result: object = self.command(*self.arguments.args, **self.arguments.kwargs)
                if inspect.isawaitable(result):
                    result = await result
            except BrokenPipeError:
                drop_stdout()
                return OK
            except PostHogError as error:
                outcome = outcome_of(error)
            except OSError as error:
                drop_stdout()
                outcome = outcome_of(error)
            else:
                return result if isinstance(result, int) else OK
        print_message(f"error: {outcome.line}", style="red")
        return outcome.code

    def stop_advice(self) -> str:
        """Return that it was stopped, and how to resume it where that is possible."""
        self.arguments.apply_defaults()
        options = self.arguments.arguments.values()
        advice = (one.stop_advice() for one in options if isinstance(one, StopAdvice))
        return "; ".join(filter(None, ("stopped", *advice)))


@attrs.define
class _Stop:
    """Cancels the command on the first signal, and ends the process on the second.

    `code` is the exit code of the signal that came.
    """

    code: int | None = None
    _cancel: Callable[[], object] | None = attrs.field(default=None, init=False)

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """Handle the signals until the block ends."""
        before = [(number, signal.signal(number, self._stop)) for number in SIGNALS]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    async def run(self, command: Callable[[], Awaitable[int]]) -> int | None:
        """Run a command until it ends or a signal cancels it."""
        loop = asyncio.get_running_loop()
        with anyio.CancelScope() as scope:
            self._cancel = lambda: loop.call_soon_threadsafe(scope.cancel)
            if self.code is None:
                return await command()
        return None

    def _stop(self, number: int, frame: object) -> None:
        if self.code is not None:
            leave(self.code)
        self.code = SIGNALS[signal.Signals(number)]
        if self._cancel is not None:
            self._cancel()
