"""The start of a command: `python -m benchmarks.start_up`.

The time of a process to its first byte of output, beside what it cannot do without, in turns.
`persons get` asks the page server for one person; its rival is a script of bare aiohttp.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from .cases import Case
from .rows import uuid
from .running import serving
from .server import KEY

__all__ = ["main"]

ROUNDS = 9
COMMAND = ("-m", "posthog_env_async")
BARE = """
import asyncio, aiohttp, os
async def main():
    headers = {"Authorization": "Bearer " + os.environ["POSTHOG_PERSONAL_API_KEY"]}
    url = os.environ["POSTHOG_HOST"] + "/api/projects/1/persons/" + os.environ["PERSON"] + "/"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        print(await answer.text())
asyncio.run(main())
"""
PERSON = str(uuid(7))
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "python -c 'import cyclopts, rich'": ("-c", "import cyclopts, rich; print()"),
    "posthog-env --help": (*COMMAND, "--help"),
    "posthog-env persons list --help": (*COMMAND, "persons", "list", "--help"),
    "bare aiohttp, one person": ("-c", BARE),
    "posthog-env persons get": (*COMMAND, "persons", "get", PERSON, "--prefix", "projects"),
}
RATIOS = (
    ("posthog-env --help", "python -c 'import cyclopts, rich'"),
    ("posthog-env persons get", "bare aiohttp, one person"),
)


def _seconds(program: Sequence[str], names: Mapping[str, str]) -> float:
    """Return the seconds from the start of a process to the first byte that it writes."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *program], stdout=subprocess.PIPE, env={**os.environ, **names}
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        took = time.perf_counter() - began
        process.stdout.read()
    return took


def main() -> None:
    """Measure, and print a table and the ratios."""
    with serving(Case("start-up", "one person", (), total=100)) as server:
        names = {
            "POSTHOG_HOST": server.url,
            "POSTHOG_PERSONAL_API_KEY": KEY,
            "POSTHOG_PROJECT_ID": "1",
            "PERSON": PERSON,
        }
        taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(ROUNDS):
            for name, program in PROGRAMS.items():
                taken[name].append(_seconds(program, names))
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, seconds in medians.items():
        print(f"{seconds * 1000:7.0f} ms  {name}")
    for ours, theirs in RATIOS:
        print(f"{medians[ours] / medians[theirs]:7.2f} ×   {ours} / {theirs}")


if __name__ == "__main__":
    main()
