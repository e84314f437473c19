"""The key: what may be one, how it is read and sent, and when it is asked for anew."""

import asyncio
import codecs
import inspect
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from os import PathLike
from pathlib import Path

import attrs

from posthog_env_async.errors import ConfigurationError, PostHogError

__all__ = [
    "APIKey",
    "KeyAnswer",
    "KeyFunction",
    "KeySource",
    "key_from_file",
    "key_from_text",
    "read_key_file",
]

KeyAnswer = str | tuple[str, datetime]
"""A key, or a key and until when it may be used."""
KeyFunction = Callable[[], KeyAnswer | Awaitable[KeyAnswer]]

BEFORE_EXPIRY = 60.0
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
QUOTES = ('""', "''", "``", "“”", "\u2018\u2019")
LONGEST_FILE = 64 << 10

_ASSIGNED = re.compile(r"(?:export\s+|set\s+|\$env:)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*(.*)", re.DOTALL)
_BEARER = re.compile(r"(?:authorization\s*:\s*)?bearer\s+(.*)", re.IGNORECASE | re.DOTALL)
_KEY = re.compile(r"[\x21-\x7e]+")


class APIKey:
    """A personal API key or OAuth token; shows itself to nobody and does not pickle."""

    __slots__ = ("__secret",)

    def __init__(self, secret: str) -> None:
        """Check `secret`.

        Raises:
            ConfigurationError: for a project token (`phc_`), an empty key, or blanks and control
                characters, such as the line end of a key file.
        """
        is_project_token, wrong = secret.startswith("phc_"), _what_is_wrong(secret)
        self.__secret, secret = secret, ""  # so that no traceback with locals shows it
        if is_project_token:
            raise ConfigurationError(
                "a phc_ token is the public project token, which only takes events in; create a"
                " personal API key (phx_…) in PostHog under Settings, Personal API keys"
            )
        if wrong:
            raise ConfigurationError(
                f"the API key {wrong}; give it as api_key or in POSTHOG_PERSONAL_API_KEY, or read"
                " a file with key_from_file"
            )

    def __repr__(self) -> str:
        return "APIKey(***)"

    def __reduce__(self) -> str:
        raise ConfigurationError(
            "an API key does not pickle; give it to each process by its environment"
        )

    def header(self) -> str:
        """Return the `Authorization` header; the scheme's case matters.

        See docs/server.md, Authentication.
        """
        return f"Bearer {self.__secret}"

    def secret(self) -> str:
        """Return the key itself, to take it out of texts or to hash it."""
        return self.__secret


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
    if wrong := _what_is_wrong(key):
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
            if found := pattern.fullmatch(inner):
                inner = found[1].strip()
        if len(inner) > 1 and inner[0] + inner[-1] in QUOTES:
            inner = inner[1:-1].strip()
        if inner == line:
            return line
        line = inner


def _what_is_wrong(key: str) -> str:  # noqa: PLR0911 - a table, read from the top
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
            return key_from_text(file.read(LONGEST_FILE), source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError as error:
        if isinstance(error, PostHogError):
            raise
        reason = "it is not a path"
    raise ConfigurationError(f"cannot read {source}: {reason}")


def key_from_file(path: str | PathLike[str], *, every: float = 300.0) -> KeyFunction:
    """Return a function for `api_key=` that reads a file again when the key may have changed.

    It is read again after a 401, and before a request when `every` seconds have passed, as a
    mounted secret that is renewed needs it.
    """

    def read() -> tuple[str, datetime]:
        expires = datetime.now(UTC) + timedelta(seconds=every + BEFORE_EXPIRY)
        return read_key_file(path), expires

    return read


@attrs.define(eq=False)
class KeySource:
    """Where the key comes from: a text, or a function that is asked once for all tasks."""

    function: KeyFunction | None = attrs.field(default=None, repr=False)
    key: APIKey | None = None
    now: Callable[[], float] = attrs.field(default=time.time, repr=False)
    _renew_at: float = attrs.field(default=0.0, init=False)
    _asking: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False, repr=False)

    @classmethod
    def of(cls, api_key: str | KeyFunction) -> "KeySource":
        """Return the source for what a client was given.

        Raises:
            ConfigurationError: for a text that is not a key.
        """
        try:
            return cls(api_key) if callable(api_key) else cls(key=APIKey(api_key))
        finally:
            api_key = ""  # so that no traceback with locals shows it

    @property
    def current(self) -> APIKey | None:
        """The key, unless the function has to be asked first."""
        return self.key if self.function is None or self.now() < self._renew_at else None

    async def get(self) -> APIKey:
        """Return the key, and ask for it when it is missing or ends within a minute.

        Raises:
            ConfigurationError: when the function fails or answers something else than a key.
        """
        async with self._asking:
            return self.current or await self._ask()

    async def renew(self, refused: APIKey) -> bool:
        """Ask for another key than the one the server refused; true when there is one."""
        if self.function is None:
            return False
        async with self._asking:
            if self.key is refused:
                await self._ask()
            return self.key is not None and self.key.secret() != refused.secret()

    async def _ask(self) -> APIKey:
        assert self.function is not None  # noqa: S101 - told to the type checkers
        try:
            answer = self.function()
            answer = await answer if inspect.isawaitable(answer) else answer
        except PostHogError:
            raise
        except Exception as error:  # noqa: BLE001 - its text may hold the key
            failure = type(error).__name__
        else:
            return self._take(answer)
        raise ConfigurationError(f"the api_key function failed ({failure})")

    def _take(self, answer: object) -> APIKey:
        match answer:
            case str(text):
                renew_at = float("inf")
            case (str(text), datetime(tzinfo=zone) as expires) if zone is not None:
                renew_at = expires.timestamp() - BEFORE_EXPIRY
            case _:
                raise ConfigurationError(
                    "the api_key function must return a key, or a key and an aware datetime"
                )
        self.key, self._renew_at = APIKey(text), renew_at
        return self.key
