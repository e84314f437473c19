"""Where the rows of an export come from: a listing, a partition, or merged partitions."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, Self

import attrs

from posthog_env_async.pagination import (
    AnyListing,
    HandedOut,
    Listing,
    ListingReport,
    QueryFingerprint,
    read_lines,
    source_of,
)
from posthog_env_async.session import Emitter

__all__ = ["ListingRows", "OnGap", "RowRun", "RowSource"]

OnGap = Literal["raise", "report"]

HELD_BYTES = 64 << 20
SHARED_BYTES = 32 << 20


class RowRun(Protocol):
    """Rows being read: what `LineRun` does, as far as an export needs it."""

    @property
    def token(self) -> str:
        """Where the run stands, right after the last row that it gave."""
        ...

    @property
    def report(self) -> ListingReport:
        """What the run did so far."""
        ...

    async def next_batch(self) -> list[bytes] | None:
        """Return the next rows, each one line of JSON; `None` at the end."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


class RowSource(Protocol):
    """What can be exported."""

    @property
    def subject(self) -> QueryFingerprint:
        """What is exported, as fingerprints."""
        ...

    @property
    def bounds(self) -> Mapping[str, int | None]:
        """Where it begins and ends: an export that goes on needs the same."""
        ...

    @property
    def model(self) -> type[Any] | None:
        """The model of the rows, `None` where none is known."""
        ...

    @property
    def project_id(self) -> str | None:
        """The project that the rows come from."""
        ...

    @property
    def emit(self) -> Emitter | None:
        """What takes the events of the export."""
        ...

    def run(self, token: str | None, written: HandedOut | None = None) -> RowRun:
        """Start reading, behind the row that a token stands for, without rows `written` before."""
        ...


@attrs.frozen
class ListingRows:
    """The rows of a listing, as the server sends them."""

    listing: AnyListing
    on_gap: OnGap
    subject: QueryFingerprint
    bounds: Mapping[str, int | None]
    model: type[Any] | None
    project_id: str | None
    emit: Emitter | None
    concurrency: int

    @classmethod
    def of(
        cls, listing: AnyListing, on_gap: OnGap = "raise", *, concurrency: int = 1
    ) -> "ListingRows":
        """Return the source that reads a listing; a resumed export needs the same bounds.

        With `concurrency`, listings that are read at once share the memory for prefetched pages.
        """
        offset = listing.offset if isinstance(listing, Listing) else 0
        bounds = {"offset": offset, "max_items": listing.max_items}
        source = source_of(listing)
        subject, emit = source.subject, source.session.emit
        model, project_id = listing.model, listing.project_id
        return cls(listing, on_gap, subject, bounds, model, project_id, emit, concurrency)

    def run(self, token: str | None, written: HandedOut | None = None) -> RowRun:
        """Start a run."""
        listing = self.listing if token is None else self.listing.resume(token)
        held_bytes = HELD_BYTES if self.concurrency == 1 else SHARED_BYTES // self.concurrency
        return read_lines(listing, on_gap=self.on_gap, held_bytes=held_bytes, handed_out=written)
