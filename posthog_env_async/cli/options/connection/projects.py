"""The projects that `--project` names: ids and ranges of ids."""

import re
from collections.abc import Iterator, Sequence

from posthog_env_async.errors import ConfigurationError

__all__ = ["projects_in"]

MOST = 10_000
_RANGE = re.compile(r"(\d+)-(\d+)")


def projects_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Read `1,2,7`, `1-5,9`, or several of them.

    Raises:
        ConfigurationError: when a project is named twice, a range is empty or holds more than
            10,000, or there is nothing between two commas.
    """
    names = tuple(name for text in texts for part in text.split(",") for name in _names(part))
    if not all(names):
        raise ConfigurationError("--project is an id or several, as in 1,2,7 or 1-5,9")
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise ConfigurationError(f"--project names {twice} twice")
    return names


def _names(part: str) -> Iterator[str]:
    found = _RANGE.fullmatch(part.strip())
    if found is None:
        yield part.strip()
        return
    first, last = int(found[1]), int(found[2])
    if not first <= last < first + MOST:
        raise ConfigurationError(
            f"--project {part.strip()}: a range goes up, and names at most {MOST:,} projects"
        )
    yield from map(str, range(first, last + 1))
