"""How many functions of this package run, in how many files: `python -m benchmarks.path_length`.

A newcomer who follows a call reads that many. Counted are functions and methods, also those of
threads, once each; not comprehensions, and not what attrs generates.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from attrs import define, field

import posthog_env_async
from posthog_env_async import PostHogEnv
from posthog_env_async.cli.app import run_words
from posthog_env_async.export import export
from posthog_env_async.testing import FakePostHog

__all__ = ["main"]

_PACKAGE = str(Path(posthog_env_async.__file__).parent)
_TESTING = str(Path(_PACKAGE, "testing"))
_BARS = {"rows": (80, 18), "export": (160, 32), "command": (200, 40)}


@define
class Recording:
    """The functions that ran."""

    codes: set[CodeType] = field(factory=set[CodeType])

    @contextmanager
    def recorded(self) -> Generator[None]:
        """Record what runs in the block, in every thread that begins in it."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(_PACKAGE):
            self.codes.add(code)

    @property
    def functions(self) -> list[CodeType]:
        """Those that somebody wrote, without the embedded server's."""
        return [
            code
            for code in self.codes
            if not code.co_filename.startswith(_TESTING)
            and (code.co_name == "<lambda>" or not code.co_name.startswith("<"))
        ]

    @property
    def files(self) -> Counter[str]:
        """How many functions ran of each file."""
        return Counter(str(Path(code.co_filename).relative_to(_PACKAGE)) for code in self.functions)


async def _served(work: Callable[[FakePostHog], Awaitable[None]]) -> None:
    async with FakePostHog(3_000, mode="routes") as fake:
        await work(fake)


async def _first_row(fake: FakePostHog, path: Recording) -> None:
    async with PostHogEnv(1, api_key=fake.key, host=fake.url) as env:
        with path.recorded():
            async for _ in env.persons.list(search="example", prefetch=4):
                break


async def _export(fake: FakePostHog, path: Recording, folder: str) -> None:
    async with PostHogEnv(1, api_key=fake.key, host=fake.url) as env:
        listing = env.persons.list(prefetch=4)
        with path.recorded():
            await export(listing, Path(folder, "persons.ndjson"))


def _command(path: Recording, folder: str) -> None:
    with FakePostHog(3_000, mode="routes") as fake:
        os.environ |= {"POSTHOG_HOST": fake.url, "POSTHOG_PERSONAL_API_KEY": fake.key}
        out = str(Path(folder, "persons.ndjson"))
        words = ["export", "persons", "--project", "1", "--out", out, "--quiet"]
        with path.recorded():
            code = run_words(words)
    if code:
        sys.exit(f"the command ended with {code}")


def _measured(name: str) -> Recording:
    path = Recording()
    with tempfile.TemporaryDirectory() as folder:
        if name == "rows":
            asyncio.run(_served(lambda fake: _first_row(fake, path)))
        elif name == "export":
            asyncio.run(_served(lambda fake: _export(fake, path, folder)))
        else:
            _command(path, folder)
    return path


def main() -> None:
    """Print the length of each path, and its bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.path_length", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the functions of each file")
    options = parser.parse_args()
    titles = {
        "rows": "from `async for` to the first row",
        "export": "`export(listing, path)`, called to returned",
        "command": "`posthog-env export persons`, from argv to its end",
    }
    for name, (functions, files) in _BARS.items():
        path = _measured(name)
        count, places = len(path.functions), len(path.files)
        met = "met" if count <= functions and places <= files else "NOT MET"
        bar = f"bar {functions} in {files}: {met}"
        print(f"{titles[name]}: {count} functions in {places} files ({bar})")
        if options.list:
            _print(path)


def _print(path: Recording) -> None:
    for file, count in sorted(path.files.items()):
        names = sorted(
            code.co_qualname for code in path.functions if code.co_filename.endswith(file)
        )
        print(f"  {count:3} {file}: {', '.join(names)}")


if __name__ == "__main__":
    main()
