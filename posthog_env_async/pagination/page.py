"""What a listing yields and how it ends: pages and the report."""

from typing import Any, Generic, Protocol, TypeVar

import attrs

from posthog_env_async.converter import RowType
from posthog_env_async.session import Headers

__all__ = ["ListingReport", "Page", "Reader", "Step"]

T = TypeVar("T")


@attrs.frozen
class Page(Generic[T]):
    """One page of a listing, without rows that an earlier page had.

    A page may be short or empty although others follow.

    Attributes:
        items: the items, in the server's order.
        offset: where its rows begin; `None` for a page by cursor.
        next_offset: where the next page begins; `None` for the last one, and by cursor.
        token: resumes the listing after this page.
        raw: the response as the server sent it.
        headers: the headers of the response.
    """

    items: tuple[T, ...] = attrs.field(repr=False)
    offset: int | None
    next_offset: int | None
    token: str = attrs.field(repr=False)
    raw: bytes = attrs.field(repr=False)
    headers: Headers = attrs.field(factory=Headers, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class ListingReport:
    """What a run did so far and, when it has ended, its verdict.

    Attributes:
        items: items yielded.
        pages: pages accepted.
        requests: requests sent.
        duplicates_dropped: rows that came again and were left out.
        seams_repaired: how often the run had to search for the page that joins.
        seams_unproven: how often it found no proof and went on, with `on_gap="report"`.
        rows_read_again: rows that the searches cost.
        page_sizes: the page sizes that were requested.
        moved: rows that came again with another time of creation, as merged persons do.
        contradictions: answers of the server that contradict each other and stayed so.
        bad_rows: rows that could not be read and were skipped, with `on_bad_row="skip"`.
        rows_forgotten: rows beyond the 16 million that a run remembers; one of those that moves
            can come a second time.
        end_proven: one more request behind the last row brought nothing, or the last page was too
            short to be cut.
        complete: the run reached the end, or its `max_items`, every seam was proven and nothing
            was left to contradict that: every row that existed for the whole run was yielded
            exactly once.
    """

    items: int = 0
    pages: int = 0
    requests: int = 0
    duplicates_dropped: int = 0
    seams_repaired: int = 0
    seams_unproven: int = 0
    rows_read_again: int = 0
    page_sizes: tuple[int, ...] = ()
    moved: int = 0
    contradictions: int = 0
    bad_rows: int = 0
    rows_forgotten: int = 0
    end_proven: bool = False
    complete: bool = False


@attrs.frozen
class Step:
    """A page that a reader accepted."""

    rows: list[Any] = attrs.field(repr=False)
    raw: bytes = attrs.field(repr=False)
    offset: int | None
    next_offset: int | None
    headers: Headers = attrs.field(factory=Headers, repr=False)


class Reader(Protocol[T]):
    """What reads a listing page after page: by offset or by cursor."""

    @property
    def kind(self) -> RowType[T]:
        """How the rows are read, and what the caller gets for them."""
        ...

    async def next(self) -> Step | None:
        """Return the next page, or `None` at the end; after an error, try that page again."""
        ...

    def token_at(self, yielded: int | None) -> str:
        """Return the token of the place after so many items of the last page, or after all."""
        ...

    def settle(self) -> None:
        """Let go of the last page: all of it was yielded."""
        ...

    def report(self) -> ListingReport:
        """Return what was done so far."""
        ...

    async def aclose(self) -> None:
        """Break off what is in flight."""
        ...
