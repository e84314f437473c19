"""Listings read from the model server within the process, and what came of it."""

import asyncio
from contextlib import aclosing
from inspect import iscoroutine
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import attrs

from model_server import ModelServer
from posthog_env_async import PostHogError
from posthog_env_async.converter import BYTES_ROWS
from posthog_env_async.errors import error_for
from posthog_env_async.pagination import Listing, ListingReport, Source
from posthog_env_async.session import Address, Decode, Limits, RateLimiter, Request
from posthog_env_async.session.response import Headers, Response

__all__ = ["ModelSession", "Outcome", "listing_of", "read_in_parts"]

T = TypeVar("T")

CALL = Request(path="persons/", project="1", budget="persons")
MOST = 10_000


class EndlessError(AssertionError):
    """A listing asks more than it may."""


@attrs.define(eq=False)
class ModelSession:
    """Asks the model as the session asks a server, without a socket; answers come in any order."""

    server: ModelServer
    most_requests: int
    random: Random
    emit: None = None
    prefix: str = "projects"
    address: Address = attrs.field(factory=lambda: Address.parse("http://model"))
    limiter: Any = attrs.field(factory=lambda: RateLimiter(Limits()))

    @property
    def transport(self) -> "ModelSession":
        """What renews connections: nothing to renew here."""
        return self

    async def renew(self) -> None:
        """Do nothing."""

    async def fetch_response(self, call: Request, decode: Decode[T]) -> tuple[T, Response]:
        """Answer a call, some turns of the event loop later."""
        for _ in range(self.random.choice((0, 0, 0, 1, 2, 5))):
            await asyncio.sleep(0)
        if self.server.requests >= self.most_requests:
            raise EndlessError(f"more than {self.most_requests} requests")
        if call.counter is not None:
            call.counter.requests += 1
        answer = self.server.answer(int(call.params["offset"]), int(call.params["limit"]))
        for _ in range(self.random.choice((0, 0, 0, 1, 2, 5))):
            await asyncio.sleep(0)
        if answer.status != 200:
            raise error_for(answer.status, {}, answer.body)
        decoded: Any = decode(answer.body)
        if iscoroutine(decoded):
            decoded = await decoded
        return decoded, Response(answer.status, Headers(), answer.body)


def listing_of(session: ModelSession, **options: Any) -> Listing[bytes]:
    """Return a listing of the model's persons as bytes."""
    source: Source[bytes] = Source(session, CALL, BYTES_ROWS, MOST, "include_total")  # type: ignore[arg-type]
    return Listing(source, **options)


@attrs.frozen
class Outcome:
    """The numbers of the persons that were handed out, and how it ended.

    `reports` has one for each run that a token went on from.
    """

    numbers: list[int]
    report: ListingReport | None
    error: PostHogError | None
    requests: int
    reports: tuple[ListingReport, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the listing says that it has everything."""
        return self.error is None and self.report is not None and self.report.complete

    def doubled(self) -> set[int]:
        """Return who was handed out more than once."""
        seen, twice = set[int](), set[int]()
        for number in self.numbers:
            (twice if number in seen else seen).add(number)
        return twice


async def read_in_parts(listing: Listing[bytes], taken: list[int], server: ModelServer) -> Outcome:
    """Read to the end, in parts of so many rows each: only a token goes from one to the next."""
    numbers, part, reports = list[int](), listing, list[ListingReport]()
    for most in (*taken, None):
        async with part.iterate() as run:
            error = await _take(run, most, numbers)
            reports.append(run.report)
            if error is not None:
                return Outcome(numbers, None, error, server.requests, tuple(reports))
            part = listing.resume(run.token)
    return Outcome(numbers, reports[-1], None, server.requests, tuple(reports))


async def _take(run: Any, most: int | None, numbers: list[int]) -> PostHogError | None:
    try:
        async with aclosing(aiter_of(run, most)) as rows:
            async for row in rows:
                numbers.append(UUID(BYTES_ROWS.key(row)).int)  # noqa: PERF401 - kept if one fails
    except PostHogError as error:
        return error
    return None


async def aiter_of(run: Any, most: int | None) -> Any:
    """Yield at most so many rows of a run."""
    left = most
    while left is None or left > 0:
        row = await anext(run, None)
        if row is None:
            return
        yield row
        left = None if left is None else left - 1
