"""A response of the server: its status, headers and body, and how it is decoded."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import CoroutineType
from typing import Any, TypeVar, cast

import attrs
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from posthog_env_async.converter import load
from posthog_env_async.errors import ResponseDecodeError, error_for, redirected

from .api_key import APIKey
from .request import Request

__all__ = [
    "LARGE",
    "Decode",
    "DecodeQueue",
    "Headers",
    "Response",
    "check_content_type",
    "check_status",
    "stated_type",
]

T = TypeVar("T")

Decode = Callable[[bytes], Awaitable[T] | T]
"""What makes of a body what the caller wants, at once or in turns with the event loop."""

JSON = "application/json"
# These say too little to tell what the body is.
VAGUE = frozenset({"", "text/plain", "application/octet-stream"})
LONGEST_SHOWN = 64
LARGE = 256 << 10
TURNS = 3


@attrs.define(eq=False, repr=False)
class Headers(Mapping[str, str]):
    """The headers of a response: by name in any case, the first value of each; `getall` gives all.

    Its repr has no values.
    """

    fields: CIMultiDictProxy[str] = attrs.field(
        factory=lambda: CIMultiDictProxy(CIMultiDict[str]())
    )

    def __getitem__(self, name: str) -> str:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name in self.fields))

    def __len__(self) -> int:
        return len({name.lower() for name in self.fields})

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _headers, (tuple(self.fields.items()),)

    def getall(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in order; none when it is missing."""
        return tuple(self.fields.getall(name, ()))


def _headers(items: tuple[tuple[str, str], ...]) -> Headers:
    return Headers(CIMultiDictProxy(CIMultiDict(items)))


@attrs.define
class Response:
    """A whole answer of the server.

    `body` is decompressed; `attempts` and `elapsed`, in seconds, are over all attempts of the call.
    """

    status: int
    headers: Headers
    body: bytes = attrs.field(repr=False)
    attempts: int = 1
    elapsed: float = 0.0

    def json(self) -> Any:
        """Return the decoded body, `None` for an empty one.

        Raises:
            ResponseDecodeError: when it is not valid JSON.
        """
        return load(self.body) if self.body else None

    def getall(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in order; none when it is missing."""
        return self.headers.getall(name)

    @property
    def is_deprecated(self) -> bool:
        """Whether the server announces the end of what was asked."""
        fields = self.headers.fields
        return "Deprecation" in fields or "Sunset" in fields


def stated_type(headers: Mapping[str, str]) -> str:
    """Return the media type that the headers state, in lower case."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def check_content_type(stated: str, wanted: str) -> None:
    """Check the type of a successful response before its body is read.

    Raises:
        ResponseDecodeError: when the stated type is another one, such as a proxy's HTML page.
    """
    if stated == wanted or wanted.rpartition("/")[2] in stated or stated in VAGUE:
        return
    readable = stated.isprintable() and len(stated) <= LONGEST_SHOWN
    shown = stated if readable else "of an unreadable type"
    raise ResponseDecodeError(f"the answer is {shown}, not {wanted}", retryable=True)


def check_status(request: Request, url: URL, response: Response, key: APIKey | None) -> None:
    """Raise the error of a response that is not a success; what is secret is taken out of it.

    Raises:
        APIStatusError: by the status.
    """
    if 200 <= response.status < 300:
        return
    shown_url = str(url.with_query(None))
    if response.status < 400:
        location = response.headers.get("Location", "")
        raise redirected(response.status, location, method=request.method, url=shown_url)
    raise error_for(
        response.status,
        response.headers,
        response.body,
        method=request.method,
        url=shown_url,
        availability=request.availability,
        secret=key.secret() if key else "",
    )


@attrs.define(eq=False)
class DecodeQueue:
    """Large bodies are decoded one at a time: whoever waits for the event loop comes in between.

    Not in a thread: msgspec holds the interpreter's lock, so the loop would wait all the same.
    """

    _lock: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def run(self, body: bytes, decode: Decode[T]) -> T:
        """Decode a body."""
        await self._lock.acquire()
        try:
            decoded: Any = decode(body)
            return cast("T", await decoded if isinstance(decoded, CoroutineType) else decoded)
        finally:
            self._release(TURNS)

    def _release(self, turns: int) -> None:
        """Let the next body be decoded after so many turns of the event loop.

        Two are what it takes from a timer to the task that slept.
        """
        if turns:
            asyncio.get_running_loop().call_soon(self._release, turns - 1)
        else:
            self._lock.release()
