"""Asks before something that cannot be undone."""

import sys

import anyio.to_thread

from posthog_env_async.errors import ConfigurationError

from .console import print_message

__all__ = ["confirm"]


async def confirm(what: str, word: str, *, yes: bool) -> bool:
    """Say what is about to happen, and return whether it may.

    On a terminal somebody types `word`, or gives `--yes` before.

    Raises:
        ConfigurationError: where there is no terminal, without `--yes`.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{what}, which cannot be undone: give --yes")
    print_message(f"{what}, which cannot be undone. Type {word} to go on:")
    answer: str = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return answer.strip() == word
