"""The session: one straight line from a call to its decoded answer."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from types import CoroutineType
from typing import TypeVar, cast

import attrs
from yarl import URL

from posthog_env_async.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    PostHogError,
    RateLimitError,
)

from .address import Address
from .api_key import KeySource
from .backoff import Backoff, RetryQuota, is_too_large
from .call import Call
from .emitter import Emitter
from .limits import Limiter
from .redirects import (
    MOST_HOPS,
    EnvironmentsState,
    Prefix,
    changed_state,
    chosen_prefix,
    next_url,
    request_url,
    warn_of_the_end,
)
from .request import Request, RequestCounter, require_scopes
from .response import LARGE, Decode, DecodeQueue, Response, check_status
from .sender import Sender
from .wire import Transport, closed_meanwhile

__all__ = ["Session", "SharedState"]

T = TypeVar("T")

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class SharedState:
    """What a client and all its siblings have in common besides connections, key and limits."""

    granted: frozenset[str] | None = None
    counter: RequestCounter = attrs.field(factory=RequestCounter)
    quota: RetryQuota = attrs.field(factory=RetryQuota)
    environments: EnvironmentsState = EnvironmentsState.SERVED
    has_warned: bool = False
    decoding: DecodeQueue = attrs.field(factory=DecodeQueue, repr=False)


@attrs.define(eq=False)
class Session:
    """Sends requests: scope, permit, attempt, and again where the policy says so.

    A client and its siblings have one each; they share transport, keys, limiter and state.
    """

    address: Address
    transport: Transport
    keys: KeySource
    limiter: Limiter
    backoff: Backoff = attrs.field(factory=Backoff)
    timeout: float = 120.0
    prefix_setting: Prefix = "auto"
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    emit: Emitter | None = None
    state: SharedState = attrs.field(factory=SharedState)
    now: Callable[[], float] = attrs.field(default=time.monotonic)
    sleep: Callable[[float], Awaitable[None]] = attrs.field(default=asyncio.sleep)
    _sender: Sender = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._sender = Sender(
            self.transport,
            self.keys,
            self.limiter,
            self.backoff,
            self.timeout,
            self.headers,
            self.now,
        )

    @property
    def prefix(self) -> str:
        """`environments` or `projects`, whichever the next request uses."""
        return chosen_prefix(self.prefix_setting, self.state.environments)

    def url(self, request: Request) -> URL:
        """Return where a request goes."""
        return request_url(self.address, request, self.prefix)

    async def fetch(self, request: Request, decode: Decode[T]) -> T:
        """Send a request until it succeeds or the policy gives up; return its decoded body.

        Raises:
            PostHogError: the last failure, with the number of attempts.
        """
        return (await self.fetch_response(request, decode))[0]

    async def fetch_response(self, request: Request, decode: Decode[T]) -> tuple[T, Response]:
        """Send as `fetch`, and return the decoded body with the response it came in."""
        self._check_scope(request)
        with self.transport.until_closed(), self._call(request) as call:
            while True:
                try:
                    response = await self._attempt(call)
                    decoded = await self._decoded(response.body, decode)
                except PostHogError as error:
                    failure = _counted(error, call.attempt)
                else:
                    self.state.quota.restore()
                    response.attempts, response.elapsed = call.attempt, self.now() - call.began
                    return decoded, response
                await self._wait_or_raise(call, failure)
        raise closed_meanwhile()

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """Yield the body of an answer as it comes, tried again only before the first piece.

        Raises:
            PostHogError: as `fetch`; a body that is cut raises when it ends.
        """
        self._check_scope(request)
        started = False
        with self._call(request) as call:
            while True:
                try:
                    async with aclosing(self._pieces(call)) as pieces:
                        async for piece in pieces:
                            started = True
                            yield piece
                except PostHogError as error:
                    failure = _counted(error, call.attempt)
                else:
                    return
                if started:
                    raise failure.with_traceback(None)
                await self._wait_or_raise(call, failure)

    async def _wait_or_raise(self, call: Call, failure: PostHogError) -> None:
        """Wait for the next attempt, or raise the failure where the policy gives up."""
        if await self._has_new_key(call, failure):
            return
        delay = self._retry_delay(call, failure)
        await self._block_others(call, failure)
        if delay is None or not self.state.quota.spend(failure):
            # Without the frames below: their locals hold bodies and queries.
            raise failure.with_traceback(None)
        call.note_retry(failure, delay)
        await self.sleep(delay)

    def _retry_delay(self, call: Call, failure: PostHogError) -> float | None:
        """Return the seconds until the next attempt; `None` when there is none."""
        if call.request.shrinkable and is_too_large(failure):
            return None
        elapsed = self.now() - call.began
        return self.backoff.wait_after(failure, call.attempt, call.request.repeats, elapsed)

    async def _has_new_key(self, call: Call, failure: PostHogError) -> bool:
        """Ask once more for the key that the server refused; true when there is another."""
        if not isinstance(failure, AuthenticationError) or call.has_renewed_key or not call.key:
            return False
        call.has_renewed_key = True
        if not await self.keys.renew(call.key):
            return False
        self.state.granted = None  # the new key may be allowed other things
        return True

    async def _block_others(self, call: Call, failure: PostHogError) -> None:
        """Let every task of the budget wait as long as a 429 asks for."""
        if not isinstance(failure, RateLimitError) or not failure.sent:
            return
        asked = failure.retry_after
        seconds = self.backoff.delay(call.attempt) if asked is None else asked
        try:
            await self.limiter.block(call.request.budget, seconds)
        except Exception as error:  # noqa: BLE001 - the answer counts, not the limiter
            logger.warning("the limiter could not be told of a 429: %s", type(error).__name__)

    async def _attempt(self, call: Call) -> Response:
        call.attempt += 1
        first = url = self.url(call.request)
        response = await self._sender.exchange(call, url)
        if response.is_plain:
            return response
        for _ in range(1, MOST_HOPS):
            following = self._next_url(call, first, url, response)
            if following is None:
                break
            url = following
            response = await self._sender.exchange(call, url)
        else:
            self._next_url(call, first, url, response)
        check_status(call.request, url, response, call.key)
        return response

    async def _pieces(self, call: Call) -> AsyncGenerator[bytes]:
        call.attempt += 1
        first = url = self.url(call.request)
        for hop in range(1, MOST_HOPS + 1):
            async with AsyncExitStack() as stack:
                head, pieces = await self._sender.open_stream(stack, call, url)
                following = self._next_url(call, first, url, head)
                if following is None or hop == MOST_HOPS:
                    check_status(call.request, url, head, call.key)
                    size = 0
                    async for piece in pieces:
                        size += len(piece)
                        yield piece
                    call.note_response(head.status, size, None)
                    return
                call.note_response(head.status, len(head.body), None)
                url = following

    def _next_url(self, call: Call, first: URL, url: URL, response: Response) -> URL | None:
        if call.request.project is not None:
            state = changed_state(first, url, response)
            if state is not None and self.state.environments is not EnvironmentsState.GONE:
                self.state.environments = state
        if response.is_deprecated and not self.state.has_warned:
            self.state.has_warned = warn_of_the_end(self.prefix_setting, url, response)
        return next_url(self.address, call.request, url, response)

    async def _decoded(self, body: bytes, decode: Decode[T]) -> T:
        if len(body) >= LARGE:
            return await self.state.decoding.run(body, decode)
        decoded = decode(body)
        return cast("T", await decoded if isinstance(decoded, CoroutineType) else decoded)

    def _call(self, request: Request) -> Call:
        return Call(request, self.state.counter, self.emit, self.now, self.prefix)

    def _check_scope(self, request: Request) -> None:
        if self.state.granted is not None:
            place = str(self.url(request).with_query(None))
            require_scopes(request.scope, self.state.granted, method=request.method, url=place)


def _counted(error: PostHogError, attempt: int) -> PostHogError:
    """Say how many attempts were made, in an error of something that was sent."""
    if isinstance(error, APIConnectionError | APIStatusError) and error.sent:
        return error.seen_after(attempt)
    return error
