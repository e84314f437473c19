"""One window of rows read from the server, and whether it is the window that was asked for."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs

from posthog_env_async.converter import LoadedPage, load_page_in_turns
from posthog_env_async.errors import PaginationError, PostHogError, ResponseDecodeError
from posthog_env_async.session import Decode, Headers, RequestCounter, is_too_large

from .next_link import NextLinks
from .page_size import PageSizes
from .source import Source
from .window import Window

__all__ = ["WindowPage", "WindowReader"]

READS_OF_A_STRANGER = 3


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
    """Reads windows, counts what that takes, and learns how many rows the server gives at once.

    `meter` counts requests, with those that failed and were sent again; `answers` counts answers.
    """

    source: Source[Any]
    sizes: PageSizes
    skips_bad_rows: bool = False
    meter: RequestCounter = attrs.field(factory=RequestCounter)
    answers: int = 0
    row_bytes: float = 1024.0
    _links: NextLinks = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._links = NextLinks(self.source.call)

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
            end = None if page.next is None else self._links.offset(page.next)
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
        self.answers += 1
        self.row_bytes = len(page.body) / max(1, page.length)
        self.sizes.answered(window.limit, time.monotonic() - began, len(page.body))
        return page, response.headers
