"""The examples in the README and in docs/ are run as a reader would run them."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

import posthog_env_async
from doc_pages import ROOT, Block, blocks_of, commands_of, file_of, is_run
from posthog_env_async.testing import FakePostHog

PAGES = [
    path
    for path in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    if path.exists()
]
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
# A block under one of these names would look like an example and never be run.
NOT_RUN = {"", "bash", "ipython", "py", "python3", "sh", "shell", "zsh"}
MODULES = [
    info.name
    for info in pkgutil.walk_packages(posthog_env_async.__path__, "posthog_env_async.")
    if not info.name.endswith(".__main__")
]


def place(value: Path | Block) -> str:
    page, line = (value.page, f":{value.line}") if isinstance(value, Block) else (value, "")
    return f"{page.relative_to(ROOT)}{line}"


@pytest.mark.parametrize("page", PAGES, ids=place)
async def test_the_examples_of_a_page_run_in_order(
    page: Path, fake: FakePostHog, tmp_path: Path
) -> None:
    environment = reader_environment(fake, tmp_path / "bin")
    desk = tmp_path / "desk"
    desk.mkdir()

    with anyio.fail_after(240):
        done = await anyio.run_process(
            [
                sys.executable,
                *("-W", "error", "-W", "ignore:the server deprecates"),
                str(ROOT / "tests/_support/doc_pages.py"),
                str(page),
            ],
            cwd=desk,
            env=environment,
            check=False,
            stderr=subprocess.STDOUT,
        )

    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("block", BLOCKS, ids=place)
def test_a_block_that_looks_like_an_example_is_one(block: Block) -> None:
    assert block.language not in NOT_RUN, "name it python or console, or text when it is output"


@pytest.mark.parametrize("block", BLOCKS, ids=place)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    assert block.skip != "", "write <!-- not run: the reason -->"


@pytest.mark.parametrize("block", [b for b in BLOCKS if file_of(b) and b.skip is None], ids=place)
def test_a_file_that_a_page_shows_is_used_by_it(block: Block) -> None:
    name = file_of(block) or ""
    module = name.removesuffix(".py")

    later = "\n".join(b.code for b in blocks_of(block.page) if b.line > block.line)

    assert re.search(rf"\$ .*\b{re.escape(name)}\b|\bfrom {module} import\b", later)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "console"], ids=place)
def test_every_make_target_that_a_page_names_exists(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {word for line in commands_of(block) for word in re.findall(r"^make ([a-z-]+)", line)}

    assert named - targets == set()


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "console"], ids=place)
def test_a_console_block_shows_its_prompt(block: Block) -> None:
    assert list(commands_of(block)), "begin what the reader types with `$ `"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{name} needs an extra: {error.name} is not installed")

    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", [n for n in posthog_env_async.__all__ if n != "__version__"])
def test_the_reference_has_every_public_name(name: str) -> None:
    named = (ROOT / "docs/api.md").read_text()

    assert re.search(rf":: posthog_env_async\.{name}$", named, re.MULTILINE)


def test_the_reference_has_every_name_once() -> None:
    named = re.findall(
        r":: (posthog_env_async\S+)$", (ROOT / "docs/api.md").read_text(), re.MULTILINE
    )

    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize("system", ["redis", "sqlite", "taskiq", "dask"])
def test_the_reference_has_every_integration(system: str) -> None:
    named = (ROOT / "docs/api.md").read_text()

    assert re.search(rf":: posthog_env_async.integrations.{system}$", named, re.MULTILINE)


def test_a_page_is_read_block_by_block(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n<!-- not run: it serves for ever -->\n```console\n$ posthog-env \\\n  fake\n```\n"
        "<!-- not run -->\n\n```python\nx = 1\n```\n<!-- other -->\n````text\n```python\n````\n"
    )

    console, python, text = blocks_of(page)

    assert console == Block(page, 5, "console", "$ posthog-env \\\n  fake", "it serves for ever")
    assert [is_run(command) for command in commands_of(console)] == [True]
    assert python == Block(page, 11, "python", "x = 1", "")
    assert text == Block(page, 15, "text", "```python", None)


def test_a_page_tells_files_and_cells_from_other_blocks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n# app.py\nx = 1\n```\n<!-- in a notebook -->\n```python\nx\n```\n"
        "```python\n# a reason\nx = 2\n```\n"
    )

    file, cell, plain = blocks_of(page)

    assert [file_of(block) for block in (file, cell, plain)] == ["app.py", None, None]
    assert [block.cell for block in (file, cell, plain)] == [False, True, False]


def reader_environment(fake: FakePostHog, scripts: Path) -> dict[str, str]:
    """Give what a reader has set up: a key, a host, a project and the command on the path."""
    scripts.mkdir()
    command = scripts / "posthog-env"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m posthog_env_async "$@"\n')
    command.chmod(0o755)
    programs = {"python": "", "pytest": "-m pytest -p no:cacheprovider"}
    for name, words in programs.items():
        (scripts / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (scripts / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "POSTHOG_HOST": fake.url,
        "POSTHOG_PERSONAL_API_KEY": fake.key,
        "POSTHOG_PROJECT_ID": "1",
        "NO_COLOR": "1",
    }
