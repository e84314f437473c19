"""The start of a command: `python -m benchmarks.start_up`.

The time of a process to its first byte of output, beside what it cannot do without, in turns.
`persons get` asks the page server for one person; its rival is a script of bare aiohttp.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from .cases import Case
from .machine import machine, versions, with_bytecode
from .results import CaseResult
from .rows import uuid
from .running import serving
from .server import KEY
from .tables import case_table

__all__ = ["main", "measure_starts"]

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
    "bare aiohttp, one person": ("-c", BARE),
    "posthog-env persons get": (*COMMAND, "persons", "get", PERSON, "--prefix", "projects"),
}
"""What is started, in pairs: the rival of the second one first."""


def _seconds(program: Sequence[str], names: Mapping[str, str]) -> float:
    """Return the seconds from the start of a process to the first byte that it writes."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *program], stdout=subprocess.PIPE, env={**with_bytecode(), **names}
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        took = time.perf_counter() - began
        process.stdout.read()
    return took


def measure_starts(command: str) -> CaseResult:
    """Start each program in turns, and return the times to the first byte of output."""
    result = CaseResult("start of a command", command, machine(), versions())
    result.labels = {name: f"`{name}`" for name in PROGRAMS}
    with serving(Case("start-up", "one person", (), total=100)) as server:
        names = {
            "POSTHOG_HOST": server.url,
            "POSTHOG_PERSONAL_API_KEY": KEY,
            "POSTHOG_PROJECT_ID": "1",
            "PERSON": PERSON,
        }
        for turn in range(ROUNDS + 1):
            for name, program in PROGRAMS.items():
                took = _seconds(program, names)
                if turn:  # the first one writes the bytecode
                    sample = {"persons": 0, "seconds": took, "cpu": 0.0}
                    result.samples.setdefault(name, []).append(sample)
    return result


def main() -> None:
    """Measure, and print a table with the ratios."""
    print(case_table("start-up", measure_starts("python -m benchmarks.start_up")))


if __name__ == "__main__":
    main()
