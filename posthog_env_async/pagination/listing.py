"""Listings: a query described once, read as often as wanted."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Generic, Literal, TypeVar, cast

import attrs

from posthog_env_async.converter import BYTES_ROWS, DICT_ROWS, LINE_ROWS, RowType, load_page
from posthog_env_async.errors import ConfigurationError, PaginationError
from posthog_env_async.events import Emitter

from .cursor_reader import CursorPlan, CursorReader, CursorSource
from .offset_reader import HELD_BYTES, OffsetPlan, OffsetReader
from .page import Page
from .page_size import PageSize, checked_page_size
from .resume_token import QueryFingerprint, Token
from .run import ListingRun
from .seams.digest_set import DigestSet
from .seams.seam_repair import OnGap
from .watch import OnReport, Watch
from .window_reader import Source

__all__ = ["CursorListing", "Listing", "checked_numbers"]

OnBadRow = Literal["raise", "skip"]

R = TypeVar("R")
T = TypeVar("T")

FIRST = 16


def checked_numbers(**numbers: object) -> None:
    """Check that numbers are whole and not negative.

    Raises:
        ConfigurationError: naming the first that is not.
    """
    for name, number in numbers.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise ConfigurationError(f"{name} must be a whole number, 0 or more")


class _Readable(ABC, Generic[T]):
    """What every listing can do, whichever way its pages are found."""

    @abstractmethod
    def _run(self) -> ListingRun[T]: ...

    @abstractmethod
    def _read_as(self, rows: RowType[R]) -> "_Readable[R]": ...

    @abstractmethod
    def _only(self, items: int) -> "_Readable[T]": ...

    async def __aiter__(self) -> AsyncGenerator[T]:
        run = self._run()
        try:
            while (items := await run.let_go()) is not None:
                for item in items:
                    yield item
            run.check_verdict()
        finally:
            await run.aclose()

    async def pages(self) -> AsyncGenerator[Page[T]]:
        """Yield the listing page by page; an empty page does not end it."""
        run = self._run()
        try:
            while (page := await run.next_page()) is not None:
                yield page
            run.check_verdict()
        finally:
            await run.aclose()

    async def page(self) -> Page[T]:
        """Return the first page only."""
        run = self._run()
        try:
            page = await run.next_page()
        finally:
            await run.aclose()
        return page or Page((), None, None, run.token, b"")

    async def first(self) -> T | None:
        """Return the first item, or `None` when there is none."""
        async with aclosing(aiter(self._only(1))) as items:
            return await anext(items, None)

    async def collect(self) -> list[T]:
        """Return every item in one list: mind the memory, or use `async for`."""
        return [item async for item in self]

    def rows(self) -> AsyncGenerator[bytes]:
        """Yield each row as undecoded JSON, as the server sent it."""
        return aiter(self._read_as(BYTES_ROWS))


@attrs.frozen
class Listing(_Readable[T]):
    """A query whose pages the server finds by limit and offset; nothing is sent before it is read.

    Reading it twice asks twice. Each run promises that every row which exists for the whole run is
    yielded exactly once, whatever is inserted or deleted meanwhile (docs/design.md).
    """

    _source: Source[T] = attrs.field(repr=False)
    page_size: PageSize = 1000
    offset: int = 0
    max_items: int | None = None
    prefetch: int = 0
    _token: Token | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        checked_page_size(self.page_size, self._source.most, auto=True)
        checked_numbers(offset=self.offset, max_items=self.max_items, prefetch=self.prefetch)

    def iterate(
        self,
        *,
        on_gap: OnGap = "raise",
        on_bad_row: OnBadRow = "raise",
        held_bytes: int = HELD_BYTES,
        on_progress: OnReport | None = None,
        handed_out: DigestSet | None = None,
    ) -> ListingRun[T]:
        """Start a run that can tell where it stands and what it did.

        Where it cannot be proven that no row is missed, as when none is left of those that a token
        knows, a run raises `PaginationError`; with `on_gap="report"` it goes on and its report is
        not `complete`. A row that cannot be read raises `ResponseDecodeError` at its place; with
        `on_bad_row="skip"` it is left out, and counted in the report's `bad_rows`. `held_bytes`
        bounds the pages read ahead. `on_progress` is called with the report after each page, and at
        the end. `handed_out` are rows that a resumed run does not hand out again: an export knows
        those in its file.
        """
        plan = OffsetPlan(
            page_size=self.page_size,
            offset=self.offset,
            max_items=self.max_items,
            prefetch=self.prefetch,
            resume=self._token,
            on_gap=on_gap,
            skips_bad_rows=on_bad_row == "skip",
            held_bytes=held_bytes,
            handed_out=handed_out,
        )
        source = self._source
        watch = Watch.of(source.session, source.call, on_progress)
        return ListingRun(OffsetReader(source, plan), watch)

    def resume(self, token: str) -> "Listing[T]":
        """Return the listing that goes on right after the item that a token stands for.

        Raises:
            CheckpointError: when the token is damaged or of another host, project or query.
        """
        return attrs.evolve(self, token=Token.parse(token, self._source.subject))

    async def count(self) -> int:
        """Return how many rows the server counts; for persons this costs it a query more.

        Raises:
            PaginationError: when the server does not count.
        """
        source = self._source
        asked = {source.total: "1"} if source.total else {}
        params = {**source.call.params, **asked, "limit": "1", "offset": "0"}
        call = attrs.evolve(source.call, params=params)
        page = await source.session.fetch(call, lambda body: load_page(body, DICT_ROWS))
        if page.count is None:
            raise PaginationError("this server does not count here; count the items instead")
        return page.count

    @property
    def subject(self) -> QueryFingerprint:
        """What is listed, as fingerprints."""
        return self._source.subject

    @property
    def model(self) -> type[Any] | None:
        """The class of the items; `None` for plain data."""
        return self._source.rows.model

    @property
    def project_id(self) -> str | None:
        """The project that is read; `None` for what lies above projects."""
        return self._source.call.project

    @property
    def emit(self) -> Emitter | None:
        """What takes the events of the client, where there is an observer."""
        return self._source.session.emit

    def _run(self) -> ListingRun[T]:
        return self.iterate()

    def raw(self) -> "Listing[bytes]":
        """Return the same listing with its rows as undecoded JSON, as the server sent them."""
        return self._read_as(BYTES_ROWS)

    def lines(self) -> "Listing[bytes]":
        """Return the same listing with each row as one line of JSON: what an export writes.

        As the server sent it; only a line break between two tokens becomes a space.
        """
        return self._read_as(LINE_ROWS)

    def _read_as(self, rows: RowType[R]) -> "Listing[R]":
        listing, source = cast("Listing[Any]", self), cast("Source[Any]", self._source)
        return attrs.evolve(listing, source=attrs.evolve(source, rows=rows))

    def _only(self, items: int) -> "Listing[T]":
        return attrs.evolve(self, page_size=FIRST, max_items=items, prefetch=0)


@attrs.frozen
class CursorListing(_Readable[T]):
    """A query whose pages the server finds by a cursor: read in turn, never ahead."""

    _source: CursorSource[T] = attrs.field(repr=False)
    page_size: int = 1000
    max_items: int | None = None
    _token: Token | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        checked_numbers(max_items=self.max_items)

    def iterate(self, *, on_progress: OnReport | None = None) -> ListingRun[T]:
        """Start a run that can tell where it stands and what it did.

        `on_progress` is called with the report after each page, and at the end.
        """
        plan = CursorPlan(page_size=self.page_size, max_items=self.max_items, resume=self._token)
        source = self._source
        watch = Watch.of(source.session, source.call, on_progress)
        return ListingRun(CursorReader(source, plan), watch)

    def resume(self, token: str) -> "CursorListing[T]":
        """Return the listing that goes on right after the item that a token stands for.

        Raises:
            CheckpointError: when the token is damaged or of another host, project or query.
        """
        return attrs.evolve(self, token=Token.parse(token, self._source.subject))

    async def count(self) -> int:
        """Return how many rows there are; the server does not say, so this reads them all."""
        total = 0
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                total += len(page.items)
        return total

    @property
    def subject(self) -> QueryFingerprint:
        """What is listed, as fingerprints."""
        return self._source.subject

    @property
    def model(self) -> type[Any] | None:
        """The class of the items; `None` for plain data."""
        return self._source.rows.model

    @property
    def project_id(self) -> str | None:
        """The project that is read; `None` for what lies above projects."""
        return self._source.call.project

    @property
    def emit(self) -> Emitter | None:
        """What takes the events of the client, where there is an observer."""
        return self._source.session.emit

    def _run(self) -> ListingRun[T]:
        return self.iterate()

    def raw(self) -> "CursorListing[bytes]":
        """Return the same listing with its rows as undecoded JSON, as the server sent them."""
        return self._read_as(BYTES_ROWS)

    def lines(self) -> "CursorListing[bytes]":
        """Return the same listing with each row as one line of JSON: what an export writes.

        As the server sent it; only a line break between two tokens becomes a space.
        """
        return self._read_as(LINE_ROWS)

    def _read_as(self, rows: RowType[R]) -> "CursorListing[R]":
        listing, source = cast("CursorListing[Any]", self), cast("CursorSource[Any]", self._source)
        return attrs.evolve(listing, source=attrs.evolve(source, rows=rows))

    def _only(self, items: int) -> "CursorListing[T]":
        return attrs.evolve(self, page_size=FIRST, max_items=items)
