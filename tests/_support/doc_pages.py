"""Run the examples of one Markdown page in order, as its reader would: `python doc_pages.py PAGE`.

Python blocks share one namespace and one event loop, and may await at their top. Console lines
that begin with `$ posthog-env`, `$ python -m posthog_env_async` or `$ make help` run in a shell.
All of it happens in the current directory, with whatever server the environment names.
"""

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = ["Block", "blocks_of", "commands_of", "is_run", "main"]

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+|~~~+) *(?P<language>[^\s`]*)")
SKIP = re.compile(r"<!-- *not run(?P<reason>.*?)-->", re.DOTALL)
RUN = ("posthog-env", "python -m posthog_env_async", "make help")


@attrs.frozen
class Block:
    """A fenced block: its first line of code counts from 1; `skip` is the reason not to run it."""

    page: Path
    line: int
    language: str
    code: str
    skip: str | None = None


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page; a skip mark without a reason yields an empty `skip`."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if opening is None:
            number += 1
            continue
        end = closing_fence(lines, number + 1, opening["ticks"])
        width = len(opening["indent"])
        code = "\n".join(line[width:] for line in lines[number + 1 : end])
        yield Block(page, number + 2, opening["language"], code, skip_before(lines, number))
        number = end + 1


def closing_fence(lines: list[str], start: int, ticks: str) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip() == ticks:
            return number
    msg = f"line {start}: the block is never closed"
    raise ValueError(msg)


def skip_before(lines: list[str], number: int) -> str | None:
    """Read the mark that stands right above a fence, on lines of its own."""
    above = "\n".join(lines[:number]).rstrip()
    start = above.rfind("<!--")
    mark = SKIP.fullmatch(above, start) if start >= 0 else None
    return mark["reason"].strip(" :\n") if mark else None


def commands_of(block: Block) -> Iterator[str]:
    """Yield what a reader would type: the lines after `$ `, continued by a backslash."""
    joined = block.code.replace("\\\n", " ")
    for line in joined.splitlines():
        if line.startswith("$ "):
            yield line[2:].strip()


def is_run(command: str) -> bool:
    return command.startswith(RUN)


def run_python(block: Block, names: dict[str, object], runner: asyncio.Runner) -> None:
    padded = "\n" * (block.line - 1) + block.code  # so that a traceback names the page's own line
    code = compile(padded, str(block.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        runner.run(eval(code, names))  # noqa: S307 - the page is ours
    else:
        exec(code, names)  # noqa: S102 - the page is ours


def run_command(block: Block, command: str) -> None:
    where = ROOT if command.startswith("make ") else None
    done = subprocess.run(["bash", "-c", command], cwd=where, check=False, timeout=120)
    if done.returncode:
        sys.exit(f"{block.page}:{block.line}: exit code {done.returncode}: {command}")


def main(page: Path) -> None:
    """Run every block of a page that is not marked, in order."""
    names: dict[str, object] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for block in blocks_of(page):
            if block.skip is not None:
                continue
            if block.language == "python":
                run_python(block, names, runner)
            if block.language == "console":
                for command in filter(is_run, commands_of(block)):
                    run_command(block, command)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
