"""The command that resumes a stopped job, without secret or personal values."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Protocol, runtime_checkable

__all__ = ["COMMAND_LINE", "StopAdvice", "resume_command"]

COMMAND_LINE: ContextVar[tuple[str, ...]] = ContextVar("COMMAND_LINE", default=())
"""The words of the command that runs."""

# Options whose values may stand in a log or a mail. A filter's may be somebody's e-mail address,
# a Redis URL holds a password, and so the values of all others are left out.
SHOWN = re.compile(
    r"--(out|format|columns|project|host|prefix|timeout|limit|max-wait|page-size|prefetch|max-items"
    r"|concurrency|on-gap|from|to|level|order|key-file|redis-file|sqlite|properties-file|ca-file"
    r"|ledger|by)"
)
ONCE = frozenset({"--restart", "--overwrite"})


@runtime_checkable
class StopAdvice(Protocol):
    """Options of a command that can be resumed after it was stopped."""

    def stop_advice(self) -> str:
        """Return what is kept, and how to resume it."""
        ...


def resume_command() -> str:
    """Return the command to type again; `<email>` stands for what is not repeated."""
    return " ".join(["posthog-env", *_shown(COMMAND_LINE.get())])


def _shown(words: Sequence[str]) -> Iterator[str]:
    option, hidden = "", False
    for word in words:
        if word.startswith("--"):
            option, equals, value = word.partition("=")
            hidden = SHOWN.fullmatch(option) is None
            if option not in ONCE:
                yield option + (equals and equals + _value(option, value, hidden=hidden))
        elif not option:
            yield shlex.quote(word)
        else:
            yield _value(option, word, hidden=hidden)


def _value(option: str, value: str, *, hidden: bool) -> str:
    return f"'<{option.removeprefix('--')}>'" if hidden else shlex.quote(value)
