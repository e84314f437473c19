"""A listing being read: an iterator that knows where it stands and what it did."""

from typing import Any, Generic, Self, TypeVar

import attrs

from posthog_env_async.errors import PaginationError, PostHogError

from .page import ListingReport, Page, Reader, Step
from .run_observer import RunObserver

__all__ = ["LineRun", "ListingRun"]

T = TypeVar("T")


@attrs.define(eq=False)
class ListingRun(Generic[T]):
    """One run over a listing: `async with listing.iterate() as run: async for item in run: …`.

    `token` says where the run stands, exact to the item, and `report` what it did. An error leaves
    the run where it was: the next item is asked for again. It carries the token, too.
    """

    _reader: Reader[T] = attrs.field(repr=False)
    _observer: RunObserver | None = attrs.field(default=None, repr=False)
    _step: Step | None = attrs.field(default=None, init=False, repr=False)
    _yielded: int = attrs.field(default=0, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while self._step is None or self._yielded == len(self._step.rows):
            if await self._next_step() is None:
                raise StopAsyncIteration
        self._yielded += 1
        return self._reader.kind.item(self._step.rows[self._yielded - 1])

    async def next_page(self) -> Page[T] | None:
        """Return the next page, or `None` at the end; items of the page before count as yielded.

        Raises:
            PostHogError: with `resume_token` set.
        """
        step = await self._next_step()
        if step is None:
            return None
        self._yielded = len(step.rows)
        items = tuple(self._reader.kind.items(step.rows))
        return Page(items, step.offset, step.next_offset, self.token, step.raw, step.headers)

    async def aclose(self) -> None:
        """Break off what is in flight; `token` and `report` stay readable."""
        await self._reader.aclose()
        if self._observer:
            self._observer.note_end(self.report)

    def check_verdict(self) -> None:
        """Refuse an end that is not proven, where nobody can see the report.

        Raises:
            PaginationError: with `resume_token` set.
        """
        if not self.report.complete:
            error = PaginationError(
                "the listing ended, and it could not be proven that no row is missing or came"
                " twice; start over, or iterate() and look at the report"
            )
            error.resume_token = self.token
            raise error

    @property
    def token(self) -> str:
        """Where the run stands, right after the last item that was yielded."""
        return self._reader.token_at(None if self._step is None else self._yielded)

    @property
    def report(self) -> ListingReport:
        """What the run did so far, and its verdict when it has ended."""
        unread = 0 if self._step is None else len(self._step.rows) - self._yielded
        report = self._reader.report()
        return attrs.evolve(
            report, items=report.items - unread, complete=report.complete and not unread
        )

    async def _release_page(self) -> list[Any] | None:
        """Return the rows of the next page, all of them yielded, which the run does not keep."""
        step = await self._next_step()
        if step is None:
            return None
        self._reader.settle()
        self._step, self._yielded = None, 0
        return step.rows

    async def _next_step(self) -> Step | None:
        try:
            step = await self._reader.next()
        except PostHogError as error:
            failure = error
        else:
            if step is not None:
                self._step, self._yielded = step, 0
            if self._observer and step is not None:
                self._observer.note_page(step, self._reader.report())
            elif self._observer:
                self._observer.note_end(self.report)
            return step
        failure.resume_token = self.token
        # Without the frames below: their locals hold rows and queries.
        raise failure.with_traceback(None)


class LineRun(ListingRun[bytes]):
    """A run over the rows of a listing as lines of JSON, a page at a time: what an export reads."""

    async def next_batch(self) -> list[bytes] | None:
        """Return the lines of the next page, all of them yielded, or `None` at the end.

        The list is the caller's: the run does not keep it.

        Raises:
            PostHogError: with `resume_token` set.
        """
        rows = await self._release_page()
        return None if rows is None else self._reader.kind.items(rows)
