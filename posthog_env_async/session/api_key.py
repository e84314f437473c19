"""The key: what may be one, how it is sent, and when it is asked for anew."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from os import PathLike

import attrs

from posthog_env_async.errors import ConfigurationError, PostHogError

from .key_text import read_key_file, what_is_wrong

__all__ = ["APIKey", "KeyAnswer", "KeyFunction", "KeySource", "key_from_file"]

KeyAnswer = str | tuple[str, datetime]
"""A key, or a key and until when it may be used."""
KeyFunction = Callable[[], KeyAnswer | Awaitable[KeyAnswer]]

BEFORE_EXPIRY = 60.0


class APIKey:
    """A personal API key or OAuth token; shows itself to nobody and does not pickle."""

    __slots__ = ("__secret",)

    def __init__(self, secret: str) -> None:
        """Check `secret`.

        Raises:
            ConfigurationError: for a project token (`phc_`), an empty key, or blanks and control
                characters, such as the line end of a key file.
        """
        is_project_token, reason = secret.startswith("phc_"), what_is_wrong(secret)
        self.__secret, secret = secret, ""  # so that no traceback with locals shows it
        if is_project_token:
            raise ConfigurationError(
                "a phc_ token is the public project token, which only takes events in; create a"
                " personal API key (phx_…) in PostHog under Settings, Personal API keys"
            )
        if reason:
            raise ConfigurationError(
                f"the API key {reason}; give it as api_key or in POSTHOG_PERSONAL_API_KEY, or read"
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
    fixed: APIKey | None = attrs.field(init=False)
    _renew_at: float = attrs.field(default=0.0, init=False)
    _asking: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.fixed = self.key if self.function is None else None

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
        key = self.current
        if key is None:
            async with self._asking:
                key = self.current or await self._ask()
        return key

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
