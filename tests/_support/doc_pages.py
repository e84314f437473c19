"""Run the examples of one Markdown page in order, as its reader would: `python doc_pages.py PAGE`.

Python blocks share one namespace and one event loop, and may await at their top. A block that
begins with the comment `# name.py` is saved under that name instead, for a command to run. Blocks
under `<!-- in a notebook -->` are the cells of one notebook. What a `pycon` block shows after its
prompts is typed into `python -m asyncio`. Console lines that begin with `$ posthog-env`,
`$ python`, `$ pytest` or `$ make help` run in a shell; a `posthog-env` that needs nothing of one,
such as a pipe, runs in this process, which is many times quicker. All of it happens in the current
directory, with whatever server the environment names.
"""

import ast
import asyncio
import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = ["Block", "blocks_of", "commands_of", "file_of", "is_run", "main"]

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+|~~~+) *(?P<language>[^\s`]*)")
SKIP = re.compile(r"<!-- *not run(?P<reason>.*?)-->", re.DOTALL)
NOTEBOOK = re.compile(r"<!-- *in a notebook *-->\s*\Z")
FILE = re.compile(r"# ([\w-]+\.py)$", re.MULTILINE)
SHELL = frozenset("|&;<>$`*?~#{}()")
RUN = ("posthog-env", "python ", "pytest ", "make help")


@attrs.frozen
class Block:
    """A fenced block: its first line of code counts from 1; `skip` is the reason not to run it.

    `cell` tells whether it is a cell of the page's notebook.
    """

    page: Path
    line: int
    language: str
    code: str
    skip: str | None = None
    cell: bool = False


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
        above = "\n".join(lines[:number])
        cell = NOTEBOOK.search(above) is not None
        yield Block(page, number + 2, opening["language"], code, skip_in(above), cell)
        number = end + 1


def closing_fence(lines: list[str], start: int, ticks: str) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip() == ticks:
            return number
    msg = f"line {start}: the block is never closed"
    raise ValueError(msg)


def skip_in(above: str) -> str | None:
    """Read the mark that stands right above a fence, on lines of its own."""
    text = above.rstrip()
    start = text.rfind("<!--")
    mark = SKIP.fullmatch(text, start) if start >= 0 else None
    return mark["reason"].strip(" :\n") if mark else None


def file_of(block: Block) -> str | None:
    """Return the name under which a reader saves a block."""
    name = FILE.match(block.code) if block.language == "python" else None
    return name[1] if name else None


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


def run_command(block: Block, command: str, runner: asyncio.Runner) -> None:
    if command.startswith("posthog-env ") and not SHELL.intersection(command):
        code = run_here(shlex.split(command)[1:], runner)
    else:
        where = ROOT if command.startswith("make ") else None
        code = subprocess.run(
            ["bash", "-c", command], cwd=where, check=False, timeout=120
        ).returncode
    if code:
        sys.exit(f"{block.page}:{block.line}: exit code {code}: {command}")


def run_here(words: list[str], runner: asyncio.Runner) -> int:
    """Run a command line in this process."""
    from posthog_env_async.cli.app import build
    from posthog_env_async.cli.app import run_command as run_words

    return runner.run(run_words(build(), words))


def run_repl(block: Block) -> None:
    """Type what follows the prompts; a prompt of a new statement ends the one before."""
    typed = re.findall(r"^(>>> |\.\.\. ?)(.*)$", block.code, re.MULTILINE)
    lines = "".join(("\n" if prompt == ">>> " else "") + line + "\n" for prompt, line in typed)
    command = [sys.executable, "-m", "asyncio"]
    done = subprocess.run(command, input=lines + "\n", text=True, capture_output=True, check=False)
    if done.returncode or "Traceback" in done.stderr:
        sys.exit(f"{block.page}:{block.line}: {done.stderr}")


def run_notebook(cells: list[str]) -> None:
    """Run cells in a fresh kernel; the first that raises stops it."""
    import nbclient
    import nbformat.v4

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()


def run_block(block: Block, names: dict[str, object], runner: asyncio.Runner) -> None:
    if (name := file_of(block)) is not None:
        Path(name).write_text(block.code + "\n", encoding="utf-8")
    elif block.language == "python":
        run_python(block, names, runner)
    elif block.language == "pycon":
        run_repl(block)
    elif block.language == "console":
        for command in filter(is_run, commands_of(block)):
            run_command(block, command, runner)


def main(page: Path) -> None:
    """Run every block of a page that is not marked, in order; a notebook comes last."""
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = [block for block in blocks_of(page) if block.skip is None]
    with asyncio.Runner() as runner:
        for block in blocks:
            if not block.cell:
                run_block(block, names, runner)
    if cells := [block.code for block in blocks if block.cell]:
        run_notebook(cells)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
