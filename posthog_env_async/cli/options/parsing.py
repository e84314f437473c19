"""What the values of options mean: durations, projects, page sizes, limits, keys, certificates."""

import os
import re
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.pagination import PageSize
from posthog_env_async.session import (
    KeyFunction,
    Limit,
    key_from_file,
    key_from_text,
    read_key_file,
)

__all__ = [
    "key_from",
    "key_source",
    "limits_of",
    "page_size_of",
    "projects_in",
    "seconds_of",
    "trusting",
]

MOST_PROJECTS = 10_000
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_RANGE = re.compile(r"(\d+)-(\d+)")
_LIMIT = re.compile(r"(\d+)/(\d+(?:\.\d+)?)")


def seconds_of(text: str | None, option: str) -> float | None:
    """Read a duration such as `90`, `90s`, `30m`, `12h` or `7d`, in seconds; `None` for none.

    Raises:
        ConfigurationError: when it is written in another way; names the option.
    """
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{option} is a time such as 90s, 30m, 12h or 7d")
    return float(match[1]) * SECONDS[match[2]]


def projects_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Read `1,2,7`, `1-5,9`, or several of them.

    Raises:
        ConfigurationError: when a project is named twice, a range is empty or holds more than
            10,000, or there is nothing between two commas.
    """
    names = list[str]()
    for part in [part.strip() for text in texts for part in text.split(",")]:
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2])) if match else (0, 0)
        if not first <= last < first + MOST_PROJECTS:
            raise ConfigurationError(
                f"--project {part}: a range goes up, and names at most {MOST_PROJECTS:,} projects"
            )
        names += map(str, range(first, last + 1)) if match else [part]
    if not all(names):
        raise ConfigurationError("--project is an id or several, as in 1,2,7 or 1-5,9")
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise ConfigurationError(f"--project names {twice} twice")
    return tuple(names)


def page_size_of(text: str) -> PageSize:
    """Read a page size.

    Raises:
        ConfigurationError: when it is none.
    """
    if text == "auto":
        return "auto"
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError("--page-size is a whole number, or auto")
    return int(text)


def limits_of(texts: Sequence[str]) -> tuple[Limit, ...] | Literal["auto"] | None:
    """Read limits such as `240/60`; `None` for `none`, and `auto` where nothing was said.

    Raises:
        ConfigurationError: when one is written in another way.
    """
    if not texts:
        return "auto"
    if texts == ("none",):
        return None
    matches = [match for text in texts if (match := _LIMIT.fullmatch(text))]
    if len(matches) < len(texts):
        raise ConfigurationError("--limit is REQUESTS/SECONDS, such as --limit 240/60, or none")
    return tuple(Limit(int(match[1]), float(match[2])) for match in matches)


def key_from(key_file: str | None) -> str:
    """Return the key of a file (`-` is stdin), or of the environment.

    Raises:
        ConfigurationError: when there is none, or the file holds something else.
    """
    if key_file == "-":
        return key_from_text(sys.stdin.buffer.read(), "--key-file: stdin")
    if key_file is not None:
        return read_key_file(key_file, f"--key-file: {key_file}")
    key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
    if not key:
        raise ConfigurationError(
            "no key: set POSTHOG_PERSONAL_API_KEY to a personal API key (phx_…), made in"
            " PostHog under Settings, Personal API keys; or give --key-file PATH"
        )
    return key


def key_source(key_file: str | None, key: str) -> str | KeyFunction:
    """Return what a client takes: a file is read again when its key may have changed."""
    return key if key_file in {None, "-"} else key_from_file(str(key_file))


def trusting(file: Path) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificates of a PEM file.

    Raises:
        ConfigurationError: when it cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except (ssl.SSLError, ValueError):
        reason: str | None = "it holds no certificate in PEM form"
    except OSError as error:
        reason = error.strerror
    raise ConfigurationError(f"--ca-file: cannot use {file}: {reason}")
