"""The connections, and one exchange over them: the only code that speaks HTTP."""

import asyncio
import math
import ssl as tls
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from functools import lru_cache

import aiohttp
import attrs
from yarl import URL

from posthog_env_async.converter import dump
from posthog_env_async.errors import (
    APIConnectionError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
)

from .connection_pool import (
    CONNECT,
    ConnectionPool,
    LoopBinding,
    connections_of,
    new_connections,
    proxy_for,
)
from .limits import Permit
from .request import Request
from .response import JSON, Headers, Response, check_content_type, stated_type
from .response_body import body_chunks, check_end, first_bytes, whole_body
from .transport_errors import FAULTS, is_stale_connection, map_error

__all__ = ["Outgoing", "PermitExpiredError", "Transport", "UntilClosed", "closed_meanwhile"]


class PermitExpiredError(Exception):
    """The permit ran out before the request could be sent; nothing was sent."""


@attrs.define
class Outgoing:
    """One attempt as it goes out; `timeout` is seconds, for a stream those for each piece."""

    request: Request
    url: URL
    headers: Mapping[str, str] = attrs.field(repr=False)
    timeout: float
    permit: Permit = attrs.field(repr=False)


class UntilClosed:
    """Ends its block when the client is closed meanwhile; what follows then says so.

    As `asyncio.timeout` does: the cancellation that it began is its own, any other passes.
    """

    __slots__ = ("_calls", "_is_closing", "_requests", "_task")

    def __init__(self, calls: "set[UntilClosed]") -> None:
        self._calls = calls
        self._is_closing = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - told to the type checkers
        self._task, self._requests = task, task.cancelling()
        self._calls.add(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._calls.discard(self)
        if not self._is_closing:
            return False
        is_own = self._task.uncancel() <= self._requests
        return is_own and kind is asyncio.CancelledError

    def close(self) -> None:
        """Break off the block."""
        if not self._is_closing:
            self._is_closing = True
            self._task.cancel()


@attrs.define
class Transport:
    """Connections to one origin, bound to the event loop and process that opened it."""

    max_bytes: int
    max_connections: int
    given: aiohttp.ClientSession | None = None
    proxy: str | None = attrs.field(default=None, repr=False)
    ssl: tls.SSLContext | None = None
    _current: ConnectionPool | None = attrs.field(default=None, init=False)
    _binding: LoopBinding | None = attrs.field(default=None, init=False)
    _calls: set[UntilClosed] = attrs.field(factory=set[UntilClosed], init=False, repr=False)
    _streamed: set[aiohttp.ClientResponse] = attrs.field(
        factory=set[aiohttp.ClientResponse], init=False, repr=False
    )
    _retired: list[ConnectionPool] = attrs.field(
        factory=list[ConnectionPool], init=False, repr=False
    )
    _closed: bool = attrs.field(default=False, init=False)

    async def open(self) -> None:
        """Open for use in this event loop.

        Raises:
            ConfigurationError: on another loop than asyncio's, or when opened before.
        """
        if self._binding is not None or self._closed:
            raise ConfigurationError("this client was opened before; make a new PostHogEnv")
        self._binding = LoopBinding.current(self.max_connections)
        self._current = self._connect()

    async def close(self) -> None:
        """Break off what is in flight and close the connections, unless they are the caller's.

        Raises:
            ConfigurationError: when the client was opened elsewhere.
        """
        if self._binding is not None:
            self._binding.check()
        self._closed = True
        for call in tuple(self._calls):
            call.close()
        while self._calls:  # noqa: ASYNC110 - it takes each of them a few turns of the loop
            await asyncio.sleep(0)
        for answer in tuple(self._streamed):
            answer.close()
        if self._current is not None:
            self._retired.append(self._current)
        while self._retired:
            await self._retired.pop().close()

    async def renew(self) -> None:
        """Leave the pooled connections behind: they are dead, or mix up answers."""
        old = self._current
        if old is None or not old.owned or self._closed:
            return
        self._current = self._connect()
        self._retired = [*(pool for pool in self._retired if pool.busy), old]
        await old.retire()

    def until_closed(self) -> UntilClosed:
        """Return a block that ends when the client is closed.

        Raises:
            ClientClosedError: when the client is not open.
            ConfigurationError: when it is open in another loop or process.
        """
        self._check_open()
        return UntilClosed(self._calls)

    async def exchange(self, outgoing: Outgoing) -> Response:
        """Send a request once and read the whole answer.

        Raises:
            APIConnectionError, APITimeoutError: when no whole answer came.
            ResponseDecodeError: when it is of another type than was asked for.
            PermitExpiredError: when it had to wait too long for a connection.
        """
        # Whoever calls stands in `until_closed`, which looked at process and event loop.
        pool, slots = None, (self._binding or self._check_open()).exchanges
        await slots.acquire()
        try:
            if outgoing.permit.is_expired:
                raise PermitExpiredError
            pool = self._take_pool()
            async with self._send(pool, outgoing, outgoing.timeout) as answer:
                return await self._whole(outgoing, answer)
        except ConfigurationError:
            raise
        except FAULTS as fault:
            stale = is_stale_connection(fault)
            failure = map_error(fault, outgoing.request, outgoing.url, self.max_bytes)
        finally:
            slots.release()
            if pool is not None and pool.give_back():
                await pool.close()
        if stale:
            await self.renew()
        raise failure

    async def _whole(self, outgoing: Outgoing, answer: aiohttp.ClientResponse) -> Response:
        if not 200 <= answer.status < 300:
            body = await first_bytes(answer, min(self.max_bytes, outgoing.request.error_bytes))
        else:
            _check_head(outgoing, answer)
            body = await whole_body(answer, self.max_bytes)
        return Response(answer.status, Headers(answer.headers), body)

    @asynccontextmanager
    async def streamed(
        self, outgoing: Outgoing
    ) -> AsyncGenerator[tuple[Response, AsyncGenerator[bytes]]]:
        """Send a request once and hand out the body as it comes.

        An error answer is read whole; no piece follows.
        """
        async with AsyncExitStack() as stack:
            answer, head = await self._open_stream(stack, outgoing)
            self._streamed.add(answer)
            stack.callback(self._streamed.discard, answer)
            chunks = self._chunks(outgoing, answer)
            yield head, await stack.enter_async_context(aclosing(chunks))

    async def _open_stream(
        self, stack: AsyncExitStack, outgoing: Outgoing
    ) -> tuple[aiohttp.ClientResponse, Response]:
        try:
            with self.until_closed():
                await self._take_stream(stack, outgoing.timeout)
                if outgoing.permit.is_expired:
                    raise PermitExpiredError
                pool = self._take_pool()
                stack.push_async_callback(self._leave, pool)
                async with asyncio.timeout(outgoing.timeout):
                    answer = await stack.enter_async_context(self._send(pool, outgoing, None))
                    return answer, await self._head(outgoing, answer)
        except ConfigurationError:
            raise
        except FAULTS as fault:
            failure = map_error(fault, outgoing.request, outgoing.url)
        else:
            failure = closed_meanwhile()
        raise failure

    async def _chunks(
        self, outgoing: Outgoing, answer: aiohttp.ClientResponse
    ) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(body_chunks(answer, outgoing.timeout)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except FAULTS as fault:
            failure = map_error(fault, outgoing.request, outgoing.url)
        else:
            return
        raise closed_meanwhile() if self._closed else failure

    async def _take_stream(self, stack: AsyncExitStack, patience: float) -> None:
        streams = self._check_open().streams
        try:
            async with asyncio.timeout(patience):
                await streams.acquire()
        except TimeoutError:
            pass
        else:
            stack.callback(streams.release)
            return
        raise APITimeoutError(
            f"{self.max_connections} streams are open and none ended; raise max_connections",
            retryable=False,
            sent=False,
        )

    async def _head(self, outgoing: Outgoing, answer: aiohttp.ClientResponse) -> Response:
        if not 200 <= answer.status < 300:
            return await self._whole(outgoing, answer)
        _check_head(outgoing, answer)
        return Response(answer.status, Headers(answer.headers), b"")

    def _take_pool(self) -> ConnectionPool:
        if self._closed:
            self._check_open()
        return (self._current or self._connect()).take()

    async def _leave(self, pool: ConnectionPool) -> None:
        if pool.give_back():
            await pool.close()

    def _send(
        self, pool: ConnectionPool, outgoing: Outgoing, timeout: float | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return pool.http.request(
            outgoing.request.method,
            outgoing.url,
            headers=outgoing.headers,
            data=_encoded(outgoing.request),
            allow_redirects=False,
            auto_decompress=False,
            raise_for_status=False,
            timeout=_client_timeout(timeout),
            proxy=proxy_for(outgoing.url) if self.proxy == "env" else self.proxy,
            ssl=self.ssl or True,
        )

    def _connect(self) -> ConnectionPool:
        if self.given is not None:
            return connections_of(self.given)
        # Above what exchanges and streams may use together, so that nobody waits for a connection.
        return new_connections(2 * self.max_connections + 2)

    def _check_open(self) -> LoopBinding:
        if self._closed:
            raise ClientClosedError("this client is closed; make a new PostHogEnv")
        if self._binding is None:
            raise ClientClosedError(
                "this client is not open; use it inside 'async with PostHogEnv(…) as env:'"
            )
        self._binding.check()
        return self._binding


@lru_cache
def _client_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    """Return aiohttp's own: it is exact, and sees the head and the body."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT, ceil_threshold=math.inf)


def closed_meanwhile() -> APIConnectionError:
    """Return the error for a call that was broken off because the client was closed."""
    return APIConnectionError(
        "the client was closed while the call was under way",
        may_have_been_processed=True,
        retryable=False,
    )


def _check_head(outgoing: Outgoing, answer: aiohttp.ClientResponse) -> None:
    """Check the head of a successful answer; one that is not JSON must also say where it ends.

    JSON that was cut does not parse; of CSV and text nobody could tell.
    """
    accept, headers = outgoing.headers["Accept"], answer.headers
    if headers.get("Content-Type") != accept:
        check_content_type(stated_type(headers), accept)
    if accept != JSON and answer.status == 200:
        check_end(answer)


def _encoded(request: Request) -> bytes | None:
    if request.json is None:
        return None
    try:
        return dump(request.json)
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ConfigurationError(f"json must be what JSON can hold ({reason})")
