"""A response of the server: its status, headers and body, and how it is decoded."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from posthog_env_async.converter import load
from posthog_env_async.errors import ResponseDecodeError, error_for, redirected

from .api_key import APIKey
from .request import Request

__all__ = [
    "Decode",
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
MAX_SHOWN = 64


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
    readable = stated.isprintable() and len(stated) <= MAX_SHOWN
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
