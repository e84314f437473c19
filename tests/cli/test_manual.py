"""The manual page has every command and every option."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("cyclopts")

from cyclopts import App

from cli_runs import ROOT
from posthog_env_async.cli import overview
from posthog_env_async.cli.app import build

MANUAL = (ROOT / "docs/cli.md").read_text()
BUILT_IN = ("--help", "-h", "--version")


def commands_of(app: App, name: str = "posthog-env") -> Iterator[tuple[str, Any]]:
    for word in app:
        if word not in BUILT_IN:
            command = app[word]
            full = f"{name} {word}"
            if command.default_command is not None:
                yield full, command
            yield from commands_of(command, full)


def options_of(command: Any) -> list[str]:
    arguments = command.assemble_argument_collection(default_parameter=build().default_parameter)
    return [name for found in arguments if found.show for name in found.names if name[0] == "-"]


COMMANDS = dict(commands_of(build()))


def section(command: str) -> str:
    """Return what stands below the command's heading, up to the next one."""
    found = re.search(rf"^#+ `{command}`$\n(.*?)(?=^#+ |\Z)", MANUAL, re.MULTILINE | re.DOTALL)
    return "" if found is None else found[1]


def shared_section(name: str) -> str:
    """Return the section of options that several commands take."""
    below = MANUAL.partition("## Options that several commands take")[2]
    title = name.replace("-", " ").capitalize()
    found = re.search(rf"^### {title}$\n(.*?)(?=^#+ |\Z)", below, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_manual_has_a_section_for_every_command(command: str) -> None:
    assert section(command).strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_manual_has_every_option_of_a_command(command: str) -> None:
    text = section(command)
    text += "".join(map(shared_section, re.findall(r"\]\(#([a-z-]+)\)", text)))

    missing = [name for name in options_of(COMMANDS[command]) if f"`{name}`" not in text]

    assert missing == []


def test_the_manual_has_no_command_that_is_none() -> None:
    named = set(re.findall(r"^#+ `(posthog-env [a-z -]+)`$", MANUAL, re.MULTILINE))

    assert named == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command: str) -> None:
    found = COMMANDS[command]

    arguments = found.assemble_argument_collection()
    silent = [one.name for one in arguments if one.show and not one.parameter.help]

    assert found.help
    assert silent == []


def examples_of(command: Any) -> list[str]:
    """Return the lines that a command's help shows to be typed, without what shells add."""
    text = (command.help_epilogue or "").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.startswith("  ")]
    typed = [line.partition("posthog-env ")[2] for line in lines if "posthog-env " in line]
    return [re.split(r"  +\w| [|>&]|\)\"", line)[0] for line in typed]


EXAMPLES = sorted({line for command in COMMANDS.values() for line in examples_of(command)})


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_in_a_help_can_be_typed(example: str) -> None:
    command, _, _ = build().parse_args(shlex.split(example), exit_on_error=False)

    assert command.__module__.startswith("posthog_env_async.cli.commands")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_exit_codes(command: str) -> None:
    found = COMMANDS[command]
    parent = build()[command.split()[1]]
    texts = (found.help_epilogue or "") + (parent.help_epilogue or "")

    assert "posthog-env" in texts
    assert "Exit codes: 0 done" in texts


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_that_needs_another_extra_says_so(example: str) -> None:
    assert not re.search(r"zst|parquet", example)


def test_the_first_page_of_help_names_every_command() -> None:
    named = {
        f"posthog-env {name} {word}".strip()
        for _, commands in overview.COMMANDS
        for name, _, _, words in commands
        for word in words.split() or [""]
    }

    assert named == set(COMMANDS) - {"posthog-env export"}


def test_the_first_page_of_help_fits_80_columns() -> None:
    assert max(map(len, overview.OVERVIEW.splitlines())) <= 80
