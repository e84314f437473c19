"""Record the command line at work as an SVG: `make picture`.

Real commands run in a terminal of their own against the embedded server; what is on the screen in
the end becomes the picture. Times and rates are those of the machine that records.
"""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import anyio.to_thread
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from posthog_env_async.testing import FakePostHog

TARGET = Path(__file__).parent / "_static" / "posthog-env.svg"
COLUMNS = 100
COMMANDS = (
    "posthog-env doctor",
    "posthog-env export persons --out persons.parquet --count",
    "posthog-env verify persons.parquet",
)
CONTROL = re.compile(r"\r?\n|\r|\x1b\[\??(\d*)([A-Za-ln-z])")
FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
THEME = TerminalTheme(
    (24, 26, 33),
    (222, 226, 236),
    [
        (24, 26, 33),
        (240, 98, 98),
        (120, 200, 120),
        (230, 190, 100),
        (110, 160, 240),
        (190, 140, 230),
        (90, 190, 200),
        (222, 226, 236),
    ],
)


async def main() -> None:
    """Run the commands, and draw what they left on the screen."""
    console = Console(record=True, width=COLUMNS, file=StringIO())
    with TemporaryDirectory() as folder:
        async with FakePostHog(persons=100_000, latency=0.1, mode="routes") as fake:
            settings = {
                "POSTHOG_HOST": fake.url,
                "POSTHOG_PERSONAL_API_KEY": fake.key,
                "POSTHOG_PROJECT_ID": "1",
                "TERM": "xterm-256color",
            }
            for command in COMMANDS:
                shown = await anyio.to_thread.run_sync(run, command, folder, settings)
                console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
                console.print(Text.from_ansi(on_screen(shown.replace(f"{folder}/", ""))))
                console.print()
    svg = console.export_svg(title="posthog-env", theme=THEME)
    TARGET.write_text(FONTS.sub("", svg).replace("Fira Code", "ui-monospace"), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")


def run(command: str, folder: str, settings: dict[str, str]) -> str:
    """Run a command in a terminal, and return all that it wrote."""
    terminal, program = pty.openpty()
    ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    words = [sys.executable, "-m", "posthog_env_async", *command.split()[1:]]
    with subprocess.Popen(  # noqa: S603 - the commands above
        words,
        cwd=folder,
        env=os.environ | settings,
        stdin=program,
        stdout=program,
        stderr=program,
    ) as process:
        os.close(program)
        shown = b"".join(pieces(terminal))
    os.close(terminal)
    if process.returncode:
        sys.exit(shown.decode())
    return shown.decode()


def pieces(terminal: int) -> list[bytes]:
    """Read a terminal until the program on it has ended."""
    found: list[bytes] = []
    while True:
        try:
            found.append(os.read(terminal, 65_536))
        except OSError:
            return found


def on_screen(written: str) -> str:
    """Return what is on the screen in the end: line feeds, lines up, lines erased."""
    rows, at, start = [""], 0, 0
    for control in CONTROL.finditer(written):
        rows[at] += written[start : control.start()]
        start = control.end()
        if control[0].endswith("\n"):
            at += 1
            rows += [""] if at == len(rows) else []
        elif control[2] == "A":
            at = max(0, at - int(control[1] or 1))
        elif control[2] == "K" or control[0] == "\r":
            rows[at] = ""
    rows[at] += written[start:]
    return "\n".join(rows).rstrip()


if __name__ == "__main__":
    anyio.run(main)
