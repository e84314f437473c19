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
from .seams.digest_set import DigestSet
from .source import CursorSource

__all__ = ["CursorPlan", "CursorReader"]

T = TypeVar("T")

MOST_IDLE = 64
"""Pages in a row that may bring nothing new."""
EDGE = 8
MOST_NAMED = 10_000
"""Rows that a token names: those of a page, and what is left of earlier ones."""
ADVICE = "ask for a shorter time range, or for up to 2,000 rows at once"


@attrs.frozen
class CursorPlan:
    """How a listing by cursor is to be read."""

    page_size: int = 1000
    max_items: int | None = None
    resume: Token | None = None


@attrs.frozen
class _Accepted:
    """The last page: the keys of its items, the cursor it was asked with, and its first row.

    `edge` are its last keys: a page may begin with the last row of the one before, or with some of
    the same time. `handed` are names of rows that came before it and may come again.
    """

    keys: list[str]
    edge: list[str]
    cursor: str | None
    first: str | None
    handed: tuple[bytes, ...]


@attrs.define
class CursorReader(Generic[T]):
    """Reads a listing by cursor, page after page (docs/server.md, Logs).

    All rows that it yielded are remembered, and a token names those of a page that is not done
    with: the server may cut a page anywhere, so that they come again on several.
    """

    source: CursorSource[T]
    plan: CursorPlan
    cursor: str | None = attrs.field(init=False)
    counter: ItemCounter = attrs.field(init=False)
    pages: int = attrs.field(default=0, init=False)
    dropped: int = attrs.field(default=0, init=False)
    ended: bool = attrs.field(default=False, init=False)
    _cut_short: PostHogError | None = attrs.field(default=None, init=False)
    _last: _Accepted | None = attrs.field(default=None, init=False)
    _handed: tuple[bytes, ...] = attrs.field(init=False)
    _seen: DigestSet = attrs.field(factory=DigestSet, init=False)
    _cursors: set[int] = attrs.field(factory=set[int], init=False)
    _idle: int = attrs.field(default=0, init=False)
    _meter: RequestCounter = attrs.field(factory=RequestCounter, init=False)

    def __attrs_post_init__(self) -> None:
        resume = self.plan.resume
        self.counter = ItemCounter.of(resume, self.plan.max_items)
        self.cursor = None if resume is None else resume.cursor
        self._handed = () if resume is None else resume.handed

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
            size = min(size, self.counter.left + len(self._handed))
        body = self.source.body(size, self.cursor)
        call = attrs.evolve(self.source.call, json=body, counter=self._meter)
        load: Decode[LoadedPage] = partial(load_page_in_turns, kind=self.source.rows)
        page, response = await self.source.session.fetch_response(call, load)
        return self._accept(page, size, response.headers)

    def _accept(self, page: LoadedPage, size: int, headers: Headers) -> Step:
        before, keys = self._last, page.keys
        again = set(self._handed) & set(map(digest, keys) if self._handed else ())
        hashes = list(map(hash, keys))
        places = self._fresh(keys, hashes, again)
        self._check_progress(keys, page.cursor, is_news=bool(places))
        self._check_news(is_idle=not (places or again))
        self.dropped += len(keys) - len(places) - len(again)
        places = places[: self.counter.left]
        items = [keys[place] for place in places]
        self._seen.add(hashes)
        self.counter.items, self.pages = self.counter.items + len(places), self.pages + 1
        first = keys[0] if keys else None if before is None else before.first
        handed = self._handed if before is None else self._handed + _names(before.edge)
        self._last = _Accepted(items, keys[-EDGE:], self.cursor, first, handed)
        self._handed = tuple([name for name in self._handed if name not in again])
        self._cut_short = page.failure
        if page.failure is None:
            self._go_on(page, is_full=page.length >= size)
        return Step([page.rows[place] for place in places], page.body, None, None, headers)

    def _fresh(self, keys: list[str], hashes: list[int], again: set[bytes]) -> list[int]:
        """Return the places of rows that were not yielded, by this run or the one before."""
        first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
        seen = {keys[place] for place in self._seen.places(hashes)}
        places = sorted([place for key, place in first.items() if key not in seen])
        return [place for place in places if digest(keys[place]) not in again] if again else places

    def _check_progress(self, keys: list[str], cursor: str | None, *, is_news: bool) -> None:
        """Refuse a page that was read before, or leads to one."""
        last, asked = self._last, self.cursor
        if asked is not None:
            self._cursors.add(hash(asked))
        repeats = last is not None and keys[:1] == [last.first] and not is_news
        if repeats or (cursor is not None and hash(cursor) in self._cursors):
            raise PaginationError(
                "the server ignores the cursor and answers the same page again, as servers before"
                f" December 2025 do: {ADVICE}"
            )

    def _check_news(self, *, is_idle: bool) -> None:
        self._idle = self._idle + 1 if is_idle else 0
        if self._idle > MOST_IDLE:
            raise PaginationError(
                f"the server names more pages, and the last {MOST_IDLE} brought nothing new:"
                f" {ADVICE}"
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
        last, cursor, handed, unread = self._last, self.cursor, self._handed, 0
        if last is not None:
            count = len(last.keys) if yielded is None else yielded
            unread = len(last.keys) - count
            if unread or cursor == last.cursor:
                cursor, handed = last.cursor, last.handed + _names(last.keys[:count])
            else:
                handed += _names(last.edge)
        return Token(
            subject=self.source.subject,
            items=self.counter.total - unread,
            handed=handed[-MOST_NAMED:],
            cursor=cursor,
        ).text()


def _names(keys: list[str]) -> tuple[bytes, ...]:
    return tuple(map(digest, keys))
