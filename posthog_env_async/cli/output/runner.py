"""Runs one command line: parses it, awaits its command, turns every end into an exit code."""

import asyncio
import inspect
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol, Self, runtime_checkable

import anyio
import attrs
from cyclopts import App, CycloptsError

from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.streams import drop_stdout
from posthog_env_async.errors import PostHogError

from .console import leave, leave_if_stuck, print_message
from .exit_codes import FAILED, INTERRUPTED, OK, TERMINATED, USAGE, outcome_of
from .notices import notices
from .resume_advice import COMMAND_LINE

__all__ = ["Invocation", "StopAdvice", "parse", "run", "run_command"]


@runtime_checkable
class StopAdvice(Protocol):
    """Options of a command that keeps what it did when it is stopped."""

    def stop_advice(self) -> str:
        """Say what is kept, and how to go on."""
        ...


@attrs.frozen
class Invocation:
    """A command with its arguments, read and not yet run."""

    command: Callable[..., Any]
    arguments: inspect.BoundArguments

    @property
    def output(self) -> OutputOptions:
        """How the command is asked to speak."""
        output = self.arguments.arguments.get("output")
        return output if isinstance(output, OutputOptions) else DEFAULT_OUTPUT

    def stop_advice(self) -> str:
        """Say that it was stopped, and how to go on where that is possible."""
        self.arguments.apply_defaults()
        options = self.arguments.arguments.values()
        advice = (one.stop_advice() for one in options if isinstance(one, StopAdvice))
        return "; ".join(filter(None, ("stopped", *advice)))

    async def __call__(self) -> int:
        """Run it, and return the exit code."""
        with notices(self.output):
            try:
                return await self._result()
            except BrokenPipeError:
                drop_stdout()
                return OK
            except PostHogError as error:
                outcome = outcome_of(error)
            except OSError as error:
                drop_stdout()
                outcome = outcome_of(error)
        print_message(f"error: {outcome.line}", style="red")
        return outcome.code

    async def _result(self) -> int:
        result: object = self.command(*self.arguments.args, **self.arguments.kwargs)
        if inspect.isawaitable(result):
            result = await result
        return result if isinstance(result, int) else OK


def parse(app: App, words: Sequence[str]) -> Invocation | None:
    """Read the words; `None` when they are wrong, which has then been said."""
    COMMAND_LINE.set(tuple(words))
    try:
        command, arguments, _ = app.parse_args(list(words))
    except CycloptsError as error:
        wrong = " ".join(str(error).split())
    else:
        return Invocation(command, arguments)
    print_message(f"error: {wrong} (--help shows what there is)", style="red")
    return None


async def run_command(app: App, words: Sequence[str]) -> int:
    """Run what the words say on this event loop, and return the exit code."""
    invocation = parse(app, words)
    return USAGE if invocation is None else await invocation()


def run(app: App, words: Sequence[str]) -> int:
    """Run what the words say as this process, and return the exit code.

    Ctrl-C and SIGTERM cancel the command, which leaves what it holds in order, also where a shell
    started the process with SIGINT ignored. A second one does not wait for that.
    """
    with _Stop() as stop:
        invocation = parse(app, words)
        if invocation is None:
            return USAGE
        options = {"use_uvloop": find_spec("uvloop") is not None}
        code = anyio.run(partial(stop.run, invocation), backend_options=options)
    if stop.code is None:
        return FAILED if code is None else code
    print_message(invocation.stop_advice())
    leave_if_stuck(stop.code)
    return stop.code


@attrs.define
class _Stop:
    """Takes the first signal as a wish to stop in order, the second as an order to leave at once.

    `code` is the exit code of the signal that came.
    """

    code: int | None = None
    _cancel: Callable[[], object] | None = attrs.field(default=None, init=False)
    _before: list[tuple[int, Any]] = attrs.field(factory=list[tuple[int, Any]], init=False)

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._stop)) for number in CODES]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
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
        self.code = CODES[signal.Signals(number)]
        if self._cancel is not None:
            self._cancel()


CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
