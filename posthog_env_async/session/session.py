"""The session: one straight line from a call to its decoded answer."""

import asyncio
import itertools
import logging
import time
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from http import HTTPStatus
from typing import TypeVar

import anyio
import attrs
from yarl import URL

from posthog_env_async.errors import (
    ENDPOINT_NOT_FOUND,
    APIConnectionError,
    APIDeprecationWarning,
    APIStatusError,
    PostHogError,
    RateLimitError,
    error_for,
    redacted,
    redirected,
)

from .address import Address
from .api_key import require_scopes
from .backoff import Backoff, RetryQuota, is_too_large
from .limits import Limiter
from .request import READS, Request, RequestCounter
from .transport import Response, Transport

__all__ = ["Session"]

T = TypeVar("T")

MOVED = frozenset({301, 302, 307, 308})
KEPT_METHOD = frozenset({307, 308})
MOST_HOPS = 4
LARGE = 256 << 10
TURNS = 3
NOT_HERE = ENDPOINT_NOT_FOUND.encode()
ENVIRONMENTS = "environments"
PROJECTS = "projects"

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class Session:
    """Sends calls: scope, turn, attempt, and again where the policy says so.

    Shared by a client and all its `for_project` siblings.
    """

    address: Address
    pool: Transport
    limiter: Limiter
    backoff: Backoff = attrs.field(factory=Backoff)
    prefix: str = "environments"
    granted: frozenset[str] | None = attrs.field(default=None, init=False)
    meter: RequestCounter = attrs.field(factory=RequestCounter, init=False)
    quota: RetryQuota = attrs.field(factory=RetryQuota)
    now: Callable[[], float] = attrs.field(default=time.monotonic)
    sleep: Callable[[float], Awaitable[None]] = attrs.field(default=anyio.sleep)
    _decoding: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _warned: bool = attrs.field(default=False, init=False)

    async def fetch(self, call: Request, decode: Callable[[bytes], T]) -> T:
        """Send a call until it succeeds or the policy gives up, and return its decoded answer.

        Raises:
            PostHogError: the last failure, with the number of attempts.
        """
        self._check_scope(call)
        with self.pool.until_closed():
            began = self.now()
            for attempt in itertools.count(1):
                try:
                    answer = await self._answer(call, self.now() - began)
                    decoded = await self._decoded(answer.body, decode)
                except PostHogError as error:
                    failure = _counted(error, attempt)
                else:
                    self.quota.restore()
                    return decoded
                if not await self._may_repeat(call, failure, attempt, self.now() - began):
                    # Without the frames below: their locals hold bodies and queries.
                    raise failure.with_traceback(None)
        raise AssertionError  # pragma: no cover - the loop only returns or raises

    async def _decoded(self, body: bytes, decode: Callable[[bytes], T]) -> T:
        """Decode large bodies one at a time: whoever waits for the event loop comes in between.

        Not in a thread: msgspec holds the interpreter's lock, so the loop would wait all the same.
        """
        if len(body) < LARGE:
            return decode(body)
        await self._decoding.acquire()
        try:
            return decode(body)
        finally:
            self._release_decoding(TURNS)

    def _release_decoding(self, turns: int) -> None:
        """Let the next body be decoded after so many turns of the event loop.

        Two are what it takes from a timer to the task that slept.
        """
        if turns:
            asyncio.get_running_loop().call_soon(self._release_decoding, turns - 1)
        else:
            self._decoding.release()

    async def stream(self, call: Request) -> AsyncGenerator[bytes]:
        """Yield the body of an answer as it comes, tried again only before the first piece.

        Raises:
            PostHogError: as `fetch`; a body that is cut raises when it ends.
        """
        self._check_scope(call)
        began, started = self.now(), False
        for attempt in itertools.count(1):
            try:
                async with aclosing(self._pieces(call, self.now() - began)) as pieces:
                    async for piece in pieces:
                        started = True
                        yield piece
                return
            except PostHogError as error:
                failure = _counted(error, attempt)
            if started or not await self._may_repeat(call, failure, attempt, self.now() - began):
                raise failure.with_traceback(None)

    def url(self, call: Request) -> URL:
        """Return where a call goes."""
        below = "/api/" if call.project is None else f"/api/{self.prefix}/{call.project}/"
        return self.address.url(below + call.path, call.params)

    def _check_scope(self, call: Request) -> None:
        if self.granted is not None:
            place = str(self.url(call).with_query(None))
            require_scopes(call.scope, self.granted, method=call.method, url=place)

    async def _may_repeat(
        self, call: Request, failure: PostHogError, attempt: int, elapsed: float
    ) -> bool:
        wait = self.backoff.wait_after(failure, attempt, call.repeats, elapsed)
        if call.shrinkable and is_too_large(failure):
            return False
        if isinstance(failure, RateLimitError) and failure.sent:
            asked = failure.retry_after
            held = self.backoff.delay(attempt) if asked is None else asked
            await self.limiter.hold(call.budget, held)
        if wait is None or not self.quota.spend(failure):
            return False
        for meter in self._meters(call):
            meter.retries += 1
            meter.lost += not isinstance(failure, RateLimitError)
        logger.warning(
            "attempt %d failed, next in %.1f s: %s", attempt, wait, _summary(call, failure)
        )
        if not isinstance(failure, RateLimitError):
            await self.sleep(wait)
        return True

    async def _answer(self, call: Request, elapsed: float) -> Response:
        url, hops = self.url(call), 1
        while True:
            async with self._turn(call, elapsed):
                self._count(call)
                answer = await self.pool.exchange(call, url)
            following = self._next_hop(call, url, answer)
            if following is None or hops == MOST_HOPS:
                self._check(call, url, answer)
                return answer
            url, hops = following, hops + 1

    async def _pieces(self, call: Request, elapsed: float) -> AsyncGenerator[bytes]:
        url = self.url(call)
        for hop in range(1, MOST_HOPS + 1):
            async with AsyncExitStack() as stack:
                # The turn ends with the head: the consumer may use the client while it streams.
                async with self._turn(call, elapsed):
                    self._count(call)
                    answer, pieces = await stack.enter_async_context(self.pool.streamed(call, url))
                following = self._next_hop(call, url, answer)
                if following is None or hop == MOST_HOPS:
                    self._check(call, url, answer)
                    async for piece in pieces:
                        yield piece
                    return
                url = following

    def _turn(self, call: Request, elapsed: float) -> AbstractAsyncContextManager[None]:
        longest = self.backoff.max_wait
        if self.backoff.deadline is not None:
            longest = min(longest, max(0.0, self.backoff.deadline - elapsed))
        return self.limiter.slot(call.budget, longest=longest)

    def _meters(self, call: Request) -> tuple[RequestCounter, ...]:
        return (self.meter,) if call.meter is None else (self.meter, call.meter)

    def _count(self, call: Request) -> None:
        for meter in self._meters(call):
            meter.requests += 1

    def _next_hop(self, call: Request, url: URL, answer: Response) -> URL | None:
        """Return where to ask instead: the other prefix, or where the server moved the endpoint."""
        self._warn_of_the_end(answer)
        if answer.status in MOVED:
            return self._moved(call, url, answer)
        lacking = answer.status == HTTPStatus.NOT_FOUND and NOT_HERE in answer.body
        if call.project is None:
            return None
        # Also when the prefix was changed meanwhile: others may have gone out before.
        if lacking and f"/{ENVIRONMENTS}/" in url.raw_path:
            return self._below_projects(call)
        if not lacking and f"/{PROJECTS}/" in url.raw_path:
            self.prefix = PROJECTS
        return None

    def _moved(self, call: Request, url: URL, answer: Response) -> URL | None:
        if answer.status not in KEPT_METHOD and call.method not in READS:
            return None
        target = self.address.own(answer.headers.get("Location", ""), url)
        if target is not None and call.project and target.path == self._below_projects(call).path:
            self.prefix = PROJECTS
        return target

    def _below_projects(self, call: Request) -> URL:
        return self.address.url(f"/api/{PROJECTS}/{call.project}/{call.path}", call.params)

    def _check(self, call: Request, url: URL, answer: Response) -> None:
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        place = str(url.with_query(None))
        if answer.status < HTTPStatus.BAD_REQUEST:
            location = answer.headers.get("Location", "")
            raise redirected(answer.status, location, method=call.method, url=place)
        raise error_for(
            answer.status,
            answer.headers,
            answer.body,
            method=call.method,
            url=place,
            availability=call.availability,
            secret=self.pool.key.secret(),
        )

    def _warn_of_the_end(self, answer: Response) -> None:
        if self._warned or not ("Deprecation" in answer.headers or "Sunset" in answer.headers):
            return
        self._warned = True
        until = answer.headers.get("Sunset", "a date it does not say")
        warnings.warn(
            f"the server deprecates /api/environments/ and may end it on {redacted(until)};"
            " use PostHogEnv(…, prefix='projects')",
            APIDeprecationWarning,
            stacklevel=2,
        )


def _counted(error: PostHogError, attempt: int) -> PostHogError:
    """Say how many attempts were made, in an error of something that was sent."""
    if isinstance(error, APIConnectionError | APIStatusError) and error.sent:
        return error.seen_after(attempt)
    return error


def _summary(call: Request, failure: PostHogError) -> str:
    status = f" {failure.status}" if isinstance(failure, APIStatusError) else ""
    return f"{call.method} {call.path} {type(failure).__name__}{status}"
