"""One window of rows read from the server, and whether it is the window that was asked for."""

import time
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from posthog_env_async.converter import LoadedPage, load_page_in_turns
from posthog_env_async.errors import PaginationError, PostHogError, ResponseDecodeError
from posthog_env_async.session import Decode, Headers, Request, RequestCounter, is_too_large

from .page_size import PageSizes
from .source import Source
from .window import Window

__all__ = ["WindowPage", "WindowReader"]

READS_OF_A_STRANGER = 3
PREFIXES = ("projects", "environments")


@attrs.frozen
class WindowPage:
    """What the server answered for a window.

    `end` is the first raw row behind it, `None` where no `next` says so; rows that the server
    dropped after its query are missing from `rows`. `length` counts also rows that could not be
    read: `failure` is the error of the row that follows `rows`. `more` is true when the page says
    in another way than by `next` that rows follow. `bad_rows`
    are the places of rows that could not be read and are to be left out.
    """

    window: Window
    end: int | None
    rows: list[Any] = attrs.field(repr=False)
    keys: list[str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    length: int = 0
    total: int | None = None
    more: bool = False
    failure: ResponseDecodeError | None = None
    bad_rows: frozenset[int] = frozenset()
    headers: Headers = attrs.field(factory=Headers, repr=False)

    @property
    def visible_end(self) -> int:
        """The place behind the rows that came, as if no other were among them."""
        return self.window.start + self.length

    @property
    def reach(self) -> int:
        """The first raw row that is not known to be on the page."""
        return self.visible_end if self.end is None else self.end


@attrs.define
class WindowReader:
    """Reads windows, counts what that takes, and learns how many rows the server gives at once."""

    source: Source[Any]
    sizes: PageSizes
    skips_bad_rows: bool = False
    meter: RequestCounter = attrs.field(factory=RequestCounter)
    row_bytes: float = 1024.0

    async def read(self, window: Window, *, counted: bool = False) -> WindowPage:
        """Read a window, or its first part where it is too much for the server or the client.

        Raises:
            PaginationError: when the server answers something else than what was asked.
            PostHogError: as `Session.fetch`.
        """
        while True:
            try:
                return await self._read_known(window, counted=counted)
            except PostHogError as error:
                if not is_too_large(error) or not self.sizes.shrink(window.limit, error):
                    raise
            window = Window(window.start, max(1, min(self.sizes.size, window.limit // 2)))

    async def _read_known(self, window: Window, *, counted: bool) -> WindowPage:
        """Read until `next` names what was asked for, or keeps naming the same smaller step."""
        shorter: int | None = None
        for _ in range(READS_OF_A_STRANGER):
            page, headers = await self._fetch(window, counted=counted)
            end = _end(page, self.source.call)
            if end is None or end == window.end:
                return self._opened(window, end, page, headers)
            is_smaller = window.start < end < window.end
            if is_smaller and (end == shorter or self.sizes.may_cap(end - window.start, window)):
                self.sizes.cap_at(end - window.start)
                return self._opened(window, end, page, headers)
            shorter = end
            await self.source.session.transport.renew()
        raise PaginationError(
            f"the server was asked for rows from {window.start} and answers as if for others: it"
            " ignores the offset, repeats a page, or something between mixes up answers"
        )

    def _opened(
        self, window: Window, end: int | None, page: LoadedPage, headers: Headers
    ) -> WindowPage:
        return WindowPage(
            window,
            end,
            page.rows,
            page.keys,
            page.body,
            page.length,
            page.count,
            bool(page.has_more or page.has_next),
            page.failure,
            frozenset(page.bad_rows),
            headers,
        )

    async def _fetch(self, window: Window, *, counted: bool) -> tuple[LoadedPage, Headers]:
        params: Mapping[str, str] = {
            **self.source.call.params,
            **({self.source.total: "1"} if counted and self.source.total else {}),
            "limit": str(window.limit),
            "offset": str(window.start),
        }
        call = attrs.evolve(
            self.source.call,
            params=params,
            can_be_split=self.sizes.may_shrink(window.limit),
            counter=self.meter,
        )
        self.sizes.note(min(self.sizes.size, window.limit))
        began = time.monotonic()
        load: Decode[LoadedPage] = partial(
            load_page_in_turns, kind=self.source.rows, skip_bad_rows=self.skips_bad_rows
        )
        page, response = await self.source.session.fetch_response(call, load)
        self.row_bytes = len(page.body) / max(1, page.length)
        self.sizes.answered(window.limit, time.monotonic() - began, len(page.body))
        return page, response.headers


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
