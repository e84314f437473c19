"""Keys in texts and files: read however they were written, or refused with what is wrong."""

import codecs
import re
from os import PathLike
from pathlib import Path

from posthog_env_async.errors import ConfigurationError, PostHogError

__all__ = ["key_from_text", "read_key_file", "what_is_wrong"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
QUOTES = ('""', "''", "``", "“”", "\u2018\u2019")
MAX_FILE = 64 << 10

_ASSIGNED = re.compile(r"(?:export\s+|set\s+|\$env:)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*(.*)", re.DOTALL)
_BEARER = re.compile(r"(?:authorization\s*:\s*)?bearer\s+(.*)", re.IGNORECASE | re.DOTALL)
_KEY = re.compile(r"[\x21-\x7e]+")


def key_from_text(text: str | bytes, source: str = "the API key") -> str:
    """Return the key in a text that may have been written by an editor, a shell or a person.

    Takes off a byte order mark, UTF-16, blanks and comments around, quotes, `NAME=` and `Bearer`.

    Raises:
        ConfigurationError: saying what is wrong, without showing any of it.
    """
    decoded = text if isinstance(text, str) else _decoded(text, source)
    decoded = decoded.replace("\ufeff", "").replace("\u200b", "")
    lines = [line.strip() for line in decoded.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise ConfigurationError(f"{source} is empty")
    if len(lines) > 1:
        raise ConfigurationError(f"{source} has {len(lines)} lines; it must hold the key alone")
    key = _unwrapped(lines[0])
    if not key:
        raise ConfigurationError(f"{source} names a key but has none behind the '='")
    if wrong := what_is_wrong(key):
        raise ConfigurationError(f"{source} {wrong}")
    return key


def _decoded(data: bytes, source: str) -> str:
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        pass
    raise ConfigurationError(f"{source} is not text in UTF-8 or UTF-16")


def _unwrapped(line: str) -> str:
    """Take off, from the outside in, whatever stands around a key."""
    while True:
        inner = line.strip().rstrip(";,")
        for pattern in (_ASSIGNED, _BEARER):
            if match := pattern.fullmatch(inner):
                inner = match[1].strip()
        if len(inner) > 1 and inner[0] + inner[-1] in QUOTES:
            inner = inner[1:-1].strip()
        if inner == line:
            return line
        line = inner


def what_is_wrong(key: str) -> str:  # noqa: PLR0911 - a table, read from the top
    """Say what is wrong with a key, without showing any of it; nothing when it may be one."""
    if not key.strip():
        return "is empty"
    if key.startswith(("{", "[", "<")):
        return "is JSON or markup; it must be the key alone"
    if key != key.strip():
        return "has a line end or blanks around it; strip them"
    if any(quote in key for quote in "\"'`“”\u2018\u2019"):
        return "has quotes; it must be the key alone"
    if _BEARER.fullmatch(key):
        return "begins with 'Bearer'; it must be the key alone"
    if len(key.split()) > 1:
        return f"has {len(key.split())} words; it must be the key alone"
    if _ASSIGNED.fullmatch(key):
        return "begins with NAME=; it must be the key alone"
    if "…" in key or key.endswith("..."):
        return "is shortened ('…'): copy the whole key"
    return "" if _KEY.fullmatch(key) else "has control characters or characters outside ASCII"


def read_key_file(path: str | PathLike[str], source: str = "") -> str:
    """Return the key in a file; reads as `key_from_text`.

    Raises:
        ConfigurationError: when it cannot be read or holds something else.
    """
    source = source or f"the key file {path}"
    try:
        with Path(path).open("rb") as file:
            return key_from_text(file.read(MAX_FILE), source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError as error:
        if isinstance(error, PostHogError):
            raise
        reason = "it is not a path"
    raise ConfigurationError(f"cannot read {source}: {reason}")
