"""One window of rows read from the server, and whether it is the window that was asked for."""

import time
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

import attrs

from posthog_env_async.converter import LoadedPage, RowType, load_page_in_turns
from posthog_env_async.errors import PaginationError, PostHogError, ResponseDecodeError
from posthog_env_async.session import Decode, Request, RequestCounter, Session, is_too_large

from .page_size import PageSizes
from .resume_token import QueryFingerprint

__all__ = ["Source", "Window", "WindowPage", "WindowReader"]

T = TypeVar("T")

READS_OF_A_STRANGER = 3
PREFIXES = ("projects", "environments")


@attrs.frozen
class Source(Generic[T]):
    """What a listing reads: the call without its window, and how its rows are read.

    `total` is the parameter that makes the server count (persons), `""` where it always does.
    """

    session: Session = attrs.field(repr=False)
    call: Request
    rows: RowType[T] = attrs.field(repr=False)
    subject: QueryFingerprint = attrs.field(repr=False)
    most: int
    total: str = ""


@attrs.frozen
class Window:
    """A range of raw rows: from `start`, at most `limit`."""

    start: int
    limit: int

    @property
    def end(self) -> int:
        """The first row behind the window."""
        return self.start + self.limit


@attrs.frozen
class WindowPage:
    """What the server answered for a window.

    `end` is the first raw row behind it, `None` for the last; rows that the server dropped after
    its query are missing from `rows`. `failure` is the error of the row that follows `rows`.
    """

    window: Window
    end: int | None
    rows: list[Any] = attrs.field(repr=False)
    keys: list[str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    total: int | None = None
    failure: ResponseDecodeError | None = None


@attrs.define
class WindowReader:
    """Reads windows and counts what that takes."""

    source: Source[Any]
    sizes: PageSizes
    cap: int | None = None
    meter: RequestCounter = attrs.field(factory=RequestCounter)
    row_bytes: float = 1024.0

    async def read(self, window: Window, *, counted: bool = False) -> WindowPage:
        """Read a window, or its first part where it is too much for the server.

        Raises:
            PaginationError: when the server answers something else than what was asked.
            PostHogError: as `Session.fetch`.
        """
        while True:
            try:
                return await self._read_known(window, counted=counted)
            except PostHogError as error:
                if not is_too_large(error) or not self.sizes.shrink(window.limit):
                    raise
            window = Window(window.start, max(self.sizes.size, window.limit // 2))

    async def _read_known(self, window: Window, *, counted: bool) -> WindowPage:
        """Read until `next` names what was asked for, or keeps naming the same smaller step."""
        shorter: int | None = None
        for _ in range(READS_OF_A_STRANGER):
            page = await self._fetch(window, counted=counted)
            end = _end(page, self.source.call)
            if end is None or end == min(window.end, window.start + (self.cap or window.limit)):
                return self._opened(window, end, page)
            if window.start < end < window.end and (end == shorter or window.start == 0):
                self.cap = end - window.start
                return self._opened(window, end, page)
            shorter = end
            await self.source.session.transport.renew()
        raise PaginationError(
            f"the server was asked for rows from {window.start} and answers as if for others: it"
            " ignores the offset, repeats a page, or something between mixes up answers"
        )

    @staticmethod
    def _opened(window: Window, end: int | None, page: LoadedPage) -> WindowPage:
        return WindowPage(window, end, page.rows, page.keys, page.body, page.count, page.failure)

    async def _fetch(self, window: Window, *, counted: bool) -> LoadedPage:
        params: Mapping[str, str] = {
            **self.source.call.params,
            **({self.source.total: "1"} if counted and self.source.total else {}),
            "limit": str(window.limit),
            "offset": str(window.start),
        }
        call = attrs.evolve(
            self.source.call,
            params=params,
            shrinkable=self.sizes.may_shrink(window.limit),
            meter=self.meter,
        )
        self.sizes.note(min(self.sizes.size, window.limit))
        began = time.monotonic()
        load: Decode[LoadedPage] = partial(load_page_in_turns, kind=self.source.rows)
        page = await self.source.session.fetch(call, load)
        self.sizes.answered(window.limit, time.monotonic() - began, len(page.body))
        self.row_bytes = len(page.body) / max(1, page.length)
        return page


def _end(page: LoadedPage, call: Request) -> int | None:
    """Return the offset that `next` names; -1 when it names another listing.

    See docs/server.md, Paging.
    """
    if page.next is None:
        return None
    try:
        link = urlsplit(page.next)
        query = parse_qs(link.query, keep_blank_values=True)
        end: int | None = int(query["offset"][0])
    except (ValueError, KeyError):
        link, query, end = urlsplit(""), {}, None
    if end is None:
        raise PaginationError(
            "the page's next names no offset: this endpoint does not page by offset"
        )
    return end if _same_project(link.path, call) and _same_query(query, call) else -1


def _same_project(path: str, call: Request) -> bool:
    parts = path.split("/")
    named = [name for prefix, name in pairwise(parts) if prefix in PREFIXES]
    numbers = [name for name in named if name.isdigit()]
    return (
        not numbers or call.project is None or not call.project.isdigit() or call.project in numbers
    )


def _same_query(query: Mapping[str, list[str]], call: Request) -> bool:
    said: dict[str, Any] = {name: values[0] for name, values in query.items()}
    return all(said.get(name, value) == value for name, value in call.params.items())
