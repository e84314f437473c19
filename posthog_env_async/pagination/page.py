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

    `offset` is where its rows begin and `next_offset` where the next page does, `None` for the
    last; a page by cursor has none of either. `token` resumes the listing after the page; `raw` is
    the answer as the server sent it, and `headers` those it came with. A page may be short or empty
    although others follow.
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

    `complete` is true when the run reached the end (or its `max_items`), every seam between pages
    was proven (`seams_unproven` is 0) and nothing that the server said was left to contradict the
    rest (`contradictions` is 0): every row that existed for the whole run was yielded exactly once.

    `end_proven` says that one more request behind the last row brought nothing, or that the last
    page was too short to be cut. `moved` counts rows that were handed out and came again with
    another time of creation, as merged persons do; `bad_rows` those that could not be read and were
    skipped. `rows_forgotten` is above 0 once more rows came than a run remembers (16 million): one
    of those that moves then can come a second time.
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
