"""The session: one straight line from a call to its decoded answer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from types import CoroutineType
from typing import Any, TypeVar, cast

import attrs
from yarl import URL

from posthog_env_async.errors import PostHogError

from .address import Address
from .api_key import APIKey, KeySource
from .backoff import Backoff
from .call import Call, CallObserver, Emitter
from .limits import Limiter, Permit
from .redirects import (
    MAX_HOPS,
    EnvironmentsState,
    Prefix,
    changed_state,
    chosen_prefix,
    next_url,
    request_url,
    warn_of_the_end,
)
from .request import Request, require_scopes
from .response import JSON, Decode, Response, check_status
from .retrier import Retrier, SharedState
from .validation import request_headers
from .wire import PermitExpiredError, Transport, UntilClosed, closed_meanwhile

__all__ = ["UNOBSERVED", "Session"]

R = TypeVar("R")
T = TypeVar("T")

UNOBSERVED = nullcontext[None]()
LARGE = 256 << 10
TURNS = 3
NOT_TOLD = "the limiter could not be told of an end: %s"

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class Session:
    """Sends requests: scope, permit, exchange, and again where the policy says so.

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
    _prepared: dict[tuple[APIKey, str, bool], Mapping[str, str]] = attrs.field(
        factory=dict[tuple[APIKey, str, bool], Mapping[str, str]], init=False, repr=False
    )

    _retrier: Retrier = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._retrier = Retrier(
            self.keys, self.limiter, self.backoff, self.state, self.now, self.sleep
        )
        if self.keys.fixed is not None:
            self._prepare(self.keys.fixed, JSON, has_body=False)

    @property
    def prefix(self) -> str:
        """`environments` or `projects`, whichever the next request uses."""
        return chosen_prefix(self.prefix_setting, self.state.environments)

    async def fetch(self, request: Request, decode: Decode[T]) -> T:
        """Send a request until it succeeds or the policy gives up; return its decoded body.

        Raises:
            PostHogError: the last failure, with the number of attempts.
        """
        return (await self.fetch_response(request, decode))[0]

    async def fetch_response(self, request: Request, decode: Decode[T]) -> tuple[T, Response]:
        """Send as `fetch`, and return the decoded body with the response it came in."""
        call = self.begin(request)
        with UntilClosed(self.transport), call.observer or UNOBSERVED:
            while True:
                try:
                    response = await self.send(call, self.transport.exchange)
                    if response.status != 200 or response.is_deprecated:
                        response = await self._follow(call, response)
                    if len(response.body) < LARGE:
                        decoded: Any = decode(response.body)
                    else:
                        decoded = self._decode_large(response.body, decode)
                    if isinstance(decoded, CoroutineType):
                        decoded = await cast("Awaitable[T]", decoded)
                except PostHogError as error:
                    failure = error
                else:
                    if self.state.quota.left < self.state.quota.capacity:
                        self.state.quota.restore()
                    response.attempts, response.elapsed = call.attempt, self.now() - call.began
                    return cast("T", decoded), response
                await self.retry(call, failure)
        raise closed_meanwhile()

    def begin(self, request: Request) -> Call:
        """Return the call of a request, whose first attempt is next.

        Raises:
            MissingScopeError: when the key is known to lack a scope; nothing is sent.
        """
        prefix = chosen_prefix(self.prefix_setting, self.state.environments)
        url = request_url(self.address, request, prefix)
        if self.state.granted is not None:
            shown_url = str(url.with_query(None))
            require_scopes(request.scope, self.state.granted, method=request.method, url=shown_url)
        observer = None
        if self.emit is not None or logger.isEnabledFor(logging.DEBUG):
            route = request.route(prefix)
            observer = CallObserver(request, self.emit or (lambda _: None), self.now, route)
        counters = tuple(filter(None, (self.state.counter, request.counter)))
        timeout = request.timeout or self.timeout
        return Call(request, url, timeout, self.now(), counters, observer)

    async def send(self, call: Call, exchange: Callable[[Call, Permit], Awaitable[R]]) -> R:
        """Make one exchange under a permit, which is released whatever comes of it.

        Raises:
            PostHogError: when no response came.
        """
        request, observer = call.request, call.observer
        call.key = key = self.keys.fixed or await self.keys.get()
        kind = key, request.accept, request.json is not None
        call.headers = self._prepared.get(kind) or self._prepare(*kind)
        while True:
            if observer is None and self.backoff.deadline is None:
                max_wait = self.backoff.max_wait
                permit = await self.limiter.acquire(request.budget, max_wait=max_wait)
            else:
                permit = await self._acquire(call)
            for counter in call.counters:
                counter.requests += 1
            if observer:
                observer.note_request(call.url)
            try:
                return await exchange(call, permit)
            except PermitExpiredError:
                _withdraw(call)
            except PostHogError as error:
                if observer:
                    observer.note_response(None, 0, type(error).__name__)
                raise
            finally:
                try:
                    await permit.release()
                except Exception as error:  # noqa: BLE001 - what came counts, not the limiter
                    logger.warning(NOT_TOLD, type(error).__name__)

    async def retry(self, call: Call, failure: PostHogError, *, has_begun: bool = False) -> None:
        """Wait until a call may be sent again, or raise its failure; see `Retrier`."""
        await self._retrier.wait_or_raise(call, failure, has_begun=has_begun)
        call.attempt += 1
        call.url = request_url(self.address, call.request, self.prefix)
        if call.observer:
            call.observer.attempt = call.attempt

    async def _acquire(self, call: Call) -> Permit:
        """Wait for a permit no longer than the deadline allows, and tell how long it took."""
        requested_at, max_wait = self.now(), self.backoff.max_wait
        if self.backoff.deadline is not None:
            max_wait = min(max_wait, max(0.0, self.backoff.deadline - (requested_at - call.began)))
        permit = await self.limiter.acquire(call.request.budget, max_wait=max_wait)
        if call.observer:
            call.observer.note_permit(requested_at)
        return permit

    async def _decode_large(self, body: bytes, decode: Decode[T]) -> T:
        """Decode one at a time: whoever waits for the event loop comes in between.

        Not in a thread: msgspec holds the interpreter's lock, so the loop would wait all the same.
        """
        await self.state.decoding.acquire()
        try:
            decoded: Any = decode(body)
            return cast("T", await decoded if isinstance(decoded, CoroutineType) else decoded)
        finally:
            _release(self.state.decoding, TURNS)

    async def _follow(self, call: Call, response: Response) -> Response:
        """Go where a response sends the request instead, and raise what is an error."""
        first = call.url
        hops = 1
        while (following := self.next_url(call, first, response)) is not None and hops < MAX_HOPS:
            call.url, hops = following, hops + 1
            response = await self.send(call, self.transport.exchange)
        check_status(call.request, call.url, response, call.key)
        return response

    def next_url(self, call: Call, first: URL, response: Response) -> URL | None:
        """Return where to send a request instead, and learn what the response says of prefixes."""
        if call.request.project is not None:
            state = changed_state(first, call.url, response)
            if state is not None and self.state.environments is not EnvironmentsState.GONE:
                self.state.environments = state
        if response.is_deprecated and not self.state.has_warned:
            self.state.has_warned = warn_of_the_end(self.prefix_setting, call.url, response)
        return next_url(self.address, call.request, call.url, response)

    def _prepare(self, key: APIKey, accept: str, has_body: bool) -> Mapping[str, str]:
        """Make the headers of one kind of requests once for each key."""
        headers = request_headers(key, accept, has_body, self.headers)
        kept = {kind: each for kind, each in self._prepared.items() if kind[0] is key}
        self._prepared = {**kept, (key, accept, has_body): headers}
        return headers


def _withdraw(call: Call) -> None:
    """Take back a request whose permit expired before it could be sent."""
    for counter in call.counters:
        counter.requests -= 1
    if call.observer:
        call.observer.note_response(None, 0, PermitExpiredError.__name__)


def _release(lock: asyncio.Lock, turns: int) -> None:
    """Let the next body be decoded after so many turns of the event loop.

    Two are what it takes from a timer to the task that slept.
    """
    if turns:
        asyncio.get_running_loop().call_soon(_release, lock, turns - 1)
    else:
        lock.release()
