"""Listings: a query described once, read as often as wanted."""

# What the package does with a listing besides its public methods is here, in `AnyListing` and
# below, and so is the only use of what is private to a listing and its run.
# pyright: reportPrivateUsage=false

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Generic, Literal, Self, TypeVar

import attrs

from posthog_env_async.converter import BYTES_ROWS, DICT_ROWS, LINE_ROWS, RowType, load_page
from posthog_env_async.errors import ConfigurationError, PaginationError

from .cursor_reader import CursorPlan, CursorReader
from .offset_reader import HELD_BYTES, OffsetPlan, OffsetReader
from .page import Page
from .page_size import PageSize, checked_page_size
from .resume_token import Token
from .run import LineRun, ListingRun
from .run_observer import OnReport, RunObserver
from .seams.digest_set import DigestSet
from .seams.seam_repair import OnGap
from .source import CursorSource, ListingSource, Source

__all__ = ["AnyListing", "CursorListing", "Listing", "checked_numbers", "read_lines", "source_of"]

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


@attrs.frozen
class _Readable(ABC, Generic[T]):
    """What every listing can do, whichever way its pages are found."""

    _source: ListingSource[T] = attrs.field(repr=False)
    _token: Token | None = attrs.field(default=None, repr=False, kw_only=True)

    @abstractmethod
    def iterate(self, *, on_progress: OnReport | None = None) -> ListingRun[T]:
        """Start a run that can tell where it stands and what it did."""

    async def __aiter__(self) -> AsyncGenerator[T]:
        run, rows = self.iterate(), self._source.rows
        try:
            while (page := await run._release_page()) is not None:
                for item in rows.let_go(page):
                    yield item
            run.check_verdict()
        finally:
            await run.aclose()

    async def pages(self) -> AsyncGenerator[Page[T]]:
        """Yield the listing page by page; an empty page does not end it."""
        run = self.iterate()
        try:
            while (page := await run.next_page()) is not None:
                yield page
            run.check_verdict()
        finally:
            await run.aclose()

    async def page(self) -> Page[T]:
        """Return the first page only."""
        async with self.iterate() as run:
            return await run.next_page() or Page((), None, None, run.token, b"")

    async def first(self) -> T | None:
        """Return the first item, or `None` when there is none."""
        few: Any = self
        async with aclosing(aiter(attrs.evolve(few, page_size=FIRST, max_items=1))) as items:
            return await anext(items, None)

    async def collect(self) -> list[T]:
        """Return every item in one list: mind the memory, or use `async for`."""
        return [item async for item in self]

    def rows(self) -> AsyncGenerator[bytes]:
        """Yield each row as undecoded JSON, as the server sent it."""
        return aiter(_read_as(self, BYTES_ROWS))

    def resume(self, token: str) -> Self:
        """Return the listing that goes on right after the item that a token stands for.

        Raises:
            CheckpointError: when the token is damaged or of another host, project or query.
        """
        return attrs.evolve(self, token=Token.parse(token, self._source.subject))

    def _observer(self, on_progress: OnReport | None) -> RunObserver | None:
        """Return what tells of a run; `None` when nobody listens."""
        session = self._source.session
        if session.emit is None and on_progress is None:
            return None
        return RunObserver(self._source.call.route(session.prefix), session.emit, on_progress)

    @property
    def model(self) -> type[Any] | None:
        """The class of the items; `None` for plain data."""
        return self._source.rows.model

    @property
    def project_id(self) -> str | None:
        """The project that is read; `None` for what lies above projects."""
        return self._source.call.project


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
        return ListingRun(OffsetReader(self._source, plan), self._observer(on_progress))

    async def count(self) -> int:
        """Return how many rows the server counts; for persons this costs it a query more.

        Raises:
            PaginationError: when the server does not count.
        """
        source = self._source
        counting = {source.total: "1"} if source.total else {}
        params = {**source.call.params, **counting, "limit": "1", "offset": "0"}
        call = attrs.evolve(source.call, params=params)
        page = await source.session.fetch(call, lambda body: load_page(body, DICT_ROWS))
        if page.count is None:
            raise PaginationError("this server does not count here; count the items instead")
        return page.count


@attrs.frozen
class CursorListing(_Readable[T]):
    """A query whose pages the server finds by a cursor: read in turn, never ahead."""

    _source: CursorSource[T] = attrs.field(repr=False)
    page_size: int = 1000
    max_items: int | None = None

    def __attrs_post_init__(self) -> None:
        checked_numbers(max_items=self.max_items)

    def iterate(self, *, on_progress: OnReport | None = None) -> ListingRun[T]:
        """Start a run that can tell where it stands and what it did.

        `on_progress` is called with the report after each page, and at the end.
        """
        plan = CursorPlan(page_size=self.page_size, max_items=self.max_items, resume=self._token)
        return ListingRun(CursorReader(self._source, plan), self._observer(on_progress))

    async def count(self) -> int:
        """Return how many rows there are; the server does not say, so this reads them all."""
        total = 0
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                total += len(page.items)
        return total


AnyListing = Listing[Any] | CursorListing[Any]


def source_of(listing: AnyListing) -> ListingSource[Any]:
    """Return what a listing reads."""
    return listing._source


def read_lines(
    listing: AnyListing,
    *,
    on_gap: OnGap = "raise",
    held_bytes: int = HELD_BYTES,
    handed_out: DigestSet | None = None,
) -> LineRun:
    """Start a run over a listing's rows, each as one line of JSON; the options are `iterate`'s.

    A row is as the server sent it; only a line break between two tokens becomes a space.
    """
    lines: Any = _read_as(listing, LINE_ROWS)
    options: dict[str, Any] = {}
    if isinstance(listing, Listing):
        options = {"on_gap": on_gap, "held_bytes": held_bytes, "handed_out": handed_out}
    run: ListingRun[bytes] = lines.iterate(**options)
    return LineRun(run._reader, run._observer)


def _read_as(listing: _Readable[Any], rows: RowType[R]) -> _Readable[R]:
    return attrs.evolve(listing, source=attrs.evolve(listing._source, rows=rows))
