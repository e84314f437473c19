"""Paging by the server's cursor: the next page begins where the cursor of this one says."""

from functools import partial
from typing import Generic, TypeVar

import attrs

from posthog_env_async.converter import LoadedPage, RowType, load_page_in_turns
from posthog_env_async.errors import PaginationError, PostHogError
from posthog_env_async.session import Decode, Headers, RequestCounter

from .item_counter import ItemCounter
from .page import ListingReport, Step
from .resume_token import Token, digest
from .source import CursorSource

__all__ = ["CursorPlan", "CursorReader"]

T = TypeVar("T")

ADVICE = "ask for a shorter time range, or for up to 2,000 rows at once"


@attrs.frozen
class CursorPlan:
    """How a listing by cursor is to be read."""

    page_size: int = 1000
    max_items: int | None = None
    resume: Token | None = None


@attrs.frozen
class _Accepted:
    """The last page: its keys, the cursor it was asked with, and how many rows were skipped."""

    keys: list[str]
    added: int
    cursor: str | None
    skipped: int


@attrs.define
class CursorReader(Generic[T]):
    """Reads a listing by cursor, page after page (docs/server.md, Logs)."""

    source: CursorSource[T]
    plan: CursorPlan
    cursor: str | None = attrs.field(init=False)
    counter: ItemCounter = attrs.field(init=False)
    pages: int = attrs.field(default=0, init=False)
    dropped: int = attrs.field(default=0, init=False)
    ended: bool = attrs.field(default=False, init=False)
    _cut_short: PostHogError | None = attrs.field(default=None, init=False)
    _last: _Accepted | None = attrs.field(default=None, init=False)
    _within: int = attrs.field(init=False)
    _meter: RequestCounter = attrs.field(factory=RequestCounter, init=False)

    def __attrs_post_init__(self) -> None:
        resume = self.plan.resume
        self.counter = ItemCounter.of(resume, self.plan.max_items)
        self.cursor = None if resume is None else resume.cursor
        self._within = 0 if resume is None else resume.within

    @property
    def kind(self) -> RowType[T]:
        """How the rows are read, and what the caller gets for them."""
        return self.source.rows

    async def next(self) -> Step | None:
        """Return the next page, or `None` at the end.

        Raises:
            PaginationError: when the server has more but does not say how to get it, or ignores the
                cursor.
        """
        if self._cut_short is not None:
            raise self._cut_short
        if self.ended or self.counter.left == 0:
            self.ended = True
            return None
        size = self.plan.page_size
        if self.counter.left is not None:
            size = min(size, self.counter.left + self._within)
        body = self.source.body(size, self.cursor)
        call = attrs.evolve(self.source.call, json=body, counter=self._meter)
        load: Decode[LoadedPage] = partial(load_page_in_turns, kind=self.source.rows)
        page, response = await self.source.session.fetch_response(call, load)
        return self._accept(page, size, response.headers)

    def _accept(self, page: LoadedPage, size: int, headers: Headers) -> Step:
        keys = page.keys
        before = self._last.keys if self._last else []
        self._check_progress(keys, before, page.cursor)
        skip = self._already(keys)
        places = [place for place in range(skip, len(keys)) if keys[place] not in before]
        self.dropped += len(keys) - skip - len(places)
        places = places[: self.counter.left]
        self.counter.items, self.pages = self.counter.items + len(places), self.pages + 1
        self._last = _Accepted(keys, len(places), self.cursor, skip)
        self._within, self._cut_short = 0, page.failure
        if page.failure is None:
            self._go_on(page, is_full=page.length >= size)
        return Step([page.rows[place] for place in places], page.body, None, None, headers)

    def _already(self, keys: list[str]) -> int:
        """Return how many rows of a resumed page were yielded before."""
        resume = self.plan.resume
        if not self._within or resume is None:
            return 0
        known = [place for place, key in enumerate(keys) if digest(key) in resume.handed]
        return known[-1] + 1 if known else min(self._within, len(keys))

    def _check_progress(self, keys: list[str], before: list[str], cursor: str | None) -> None:
        repeats = bool(keys and before) and keys[0] == before[0]
        if repeats or (cursor is not None and cursor == self.cursor):
            raise PaginationError(
                "the server ignores the cursor and answers the same page again, as servers before"
                f" December 2025 do: {ADVICE}"
            )

    def _go_on(self, page: LoadedPage, *, is_full: bool) -> None:
        more = page.has_more
        if more is None:
            more = page.cursor is not None or is_full
        if not more or self.counter.left == 0:
            self.ended = True
        elif page.cursor is not None:
            self.cursor = page.cursor
        else:
            self._cut_short = PaginationError(
                "the server may have more rows and gives no cursor to get them, as servers before"
                f" December 2025 do: {ADVICE}"
            )

    async def aclose(self) -> None:
        """Do nothing: between two pages nothing is in flight."""

    def report(self) -> ListingReport:
        """Return what was done so far."""
        return ListingReport(
            items=self.counter.items,
            pages=self.pages,
            requests=self._meter.requests,
            duplicates_dropped=self.dropped,
            page_sizes=(self.plan.page_size,),
            end_proven=self.ended,
            complete=self.ended,
        )

    def settle(self) -> None:
        """Do nothing: only keys are kept of the last page."""

    def token_at(self, yielded: int | None) -> str:
        """Return the token of the place after so many items of the last page, or after all."""
        last, resume = self._last, self.plan.resume
        if yielded is None:
            yielded = 0 if last is None else last.added
        unread = 0 if last is None else last.added - yielded
        cursor, within = self.cursor, self._within
        tail: tuple[bytes, ...] = () if resume is None or last is not None else resume.handed
        if last is not None and (unread or cursor == last.cursor):
            cursor, within = last.cursor, last.skipped + yielded
            tail = (digest(last.keys[within - 1]),) if within else ()
        return Token(
            subject=self.source.subject,
            items=self.counter.total - unread,
            handed=tail,
            cursor=cursor,
            within=within,
        ).text()
