"""Run the command line as a user would: in this process, or in one of its own where that matters.

`ran` runs a command on the test's own event loop, with its own streams, environment and folder.
What a shell, a signal or a terminal has a part in runs in a process: `ran_in_process`,
`interrupted`.
"""

import os
import pty
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import anyio
import attrs
from anyio.abc import Process

from posthog_env_async.testing import FakePostHog

__all__ = [
    "COMMAND",
    "ROOT",
    "Ran",
    "environment",
    "interrupted",
    "on_a_real_terminal",
    "on_a_terminal",
    "ran",
    "ran_in_process",
]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "posthog_env_async")
PATIENCE = 60
LOOK_EVERY = 0.02
STYLES = re.compile(r"\x1b\[[0-9;]*m")


@attrs.frozen
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[str]:
        """Return the lines of stdout."""
        return self.out.splitlines()


def environment(fake: FakePostHog | None, **more: str) -> dict[str, str]:
    """Give what a user has set up for a server; no terminal's width or colour leaks in."""
    names = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"}
    if fake is not None:
        names |= {
            "POSTHOG_HOST": fake.url,
            "POSTHOG_PERSONAL_API_KEY": fake.key,
            "POSTHOG_PROJECT_ID": "1",
        }
    # Streams are buffered as a user's are, whatever this process asked for.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return inherited | names | more


async def ran(
    fake: FakePostHog | None,
    *words: str,
    cwd: Path | None = None,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> Ran:
    """Run the command on this event loop; its output never holds the key or a traceback."""
    from posthog_env_async.cli.app import build, run_command

    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        environment_set(environment(fake, **(variables or {}))),
        nullcontext() if cwd is None else chdir(cwd),
        stdin_from(stdin),
        redirect_stdout(out),
        redirect_stderr(err),
        anyio.fail_after(PATIENCE),
    ):
        code = await run_command(build(), words)
    texts = (stream.detach().getvalue().decode() for stream in (out, err))
    return checked(Ran(code, *texts), fake)


@contextmanager
def environment_set(names: Mapping[str, str]) -> Iterator[None]:
    """Give this process an environment for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(names)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def stdin_from(text: bytes) -> Iterator[None]:
    """Let this process read its stdin from a text for a while."""
    before, sys.stdin = sys.stdin, TextIOWrapper(BytesIO(text))
    try:
        yield
    finally:
        sys.stdin = before


async def ran_in_process(
    fake: FakePostHog | None,
    *words: str,
    cwd: Path | None = None,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
    command: tuple[str, ...] = COMMAND,
) -> Ran:
    """Run the command in a process of its own; its output holds neither key nor traceback."""
    with anyio.fail_after(PATIENCE):
        done = await anyio.run_process(
            [*command, *words],
            cwd=cwd,
            input=stdin,
            check=False,
            env=environment(fake, **(variables or {})),
        )
    return checked(Ran(done.returncode, done.stdout.decode(), done.stderr.decode()), fake)


async def interrupted(
    fake: FakePostHog,
    *words: str,
    cwd: Path,
    when: Callable[[], bool],
    by: signal.Signals = signal.SIGINT,
) -> Ran:
    """Run the command, press Ctrl-C once as soon as `when` holds, and let it end."""
    process = await anyio.open_process([*COMMAND, *words], cwd=cwd, env=environment(fake))
    with anyio.fail_after(PATIENCE):
        while not when() and process.returncode is None:
            await anyio.sleep(LOOK_EVERY)
        process.send_signal(by)
        out, err = await outputs(process)
    return checked(Ran(process.returncode or 0, out, err), fake)


class Screen(TextIOWrapper):
    """What a command takes for a terminal."""

    def isatty(self) -> bool:
        return True


async def on_a_terminal(
    fake: FakePostHog, *words: str, columns: int = 80, cwd: Path | None = None
) -> tuple[int, str]:
    """Run the command on this event loop, with a terminal for stdout and stderr."""
    from posthog_env_async.cli.app import build, run_command

    screen = Screen(BytesIO(), "utf-8", write_through=True)
    with (
        environment_set(environment(fake, COLUMNS=str(columns), TERM="xterm")),
        nullcontext() if cwd is None else chdir(cwd),
        redirect_stdout(screen),
        redirect_stderr(screen),
        anyio.fail_after(PATIENCE),
    ):
        code = await run_command(build(), words)
    text = screen.detach().getvalue().decode()
    return code, STYLES.sub("", checked(Ran(code, text, text), fake).out)


async def on_a_real_terminal(
    fake: FakePostHog | None, *words: str, columns: int = 80, cwd: Path | None = None
) -> tuple[int, str]:
    """Run the command with a terminal for stdin, stdout and stderr."""
    ours, theirs = pty.openpty()
    names = environment(fake, COLUMNS=str(columns), TERM="xterm")
    process = await anyio.open_process(
        [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=names, cwd=cwd
    )
    os.close(theirs)
    text = await anyio.to_thread.run_sync(read_all, ours)
    return await process.wait(), STYLES.sub("", text)


def read_all(terminal: int) -> str:
    """Read a terminal until nobody writes to it any more."""
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux' way to say that the other end is closed
            chunk = b""
        if not chunk:
            os.close(terminal)
            return b"".join(chunks).decode()
        chunks.append(chunk)


async def outputs(process: Process) -> tuple[str, str]:
    """Read both outputs to their ends, and wait for the process."""
    texts = ["", ""]

    async def read(place: int) -> None:
        stream = (process.stdout, process.stderr)[place]
        assert stream is not None
        texts[place] = b"".join([chunk async for chunk in stream]).decode()

    async with process, anyio.create_task_group() as tasks:
        tasks.start_soon(read, 0)
        tasks.start_soon(read, 1)
    return texts[0], texts[1]


def checked(ran: Ran, fake: FakePostHog | None) -> Ran:
    """Return it, once it is sure that it gives nothing away."""
    assert "Traceback" not in ran.err, ran.err
    if fake is not None:
        assert fake.key not in ran.out + ran.err
    return ran
