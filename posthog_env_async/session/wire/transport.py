"""The connections, and one exchange over them: the only code that speaks HTTP."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager

import aiohttp
import attrs

from posthog_env_async.errors import APITimeoutError, ClientClosedError, ConfigurationError
from posthog_env_async.session.response import Headers, Response

from .connection_pool import (
    ConnectionPool,
    LoopBinding,
    connections_of,
    new_connections,
    proxy_for,
)
from .outgoing import Outgoing, PermitExpiredError, check_head, client_timeout, encoded_body
from .response_body import body_chunks, first_bytes, whole_body
from .transport_errors import FAULTS, closed_meanwhile, is_stale_connection, map_error
from .until_closed import UntilClosed

__all__ = ["Transport"]


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
            check_head(outgoing, answer)
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
        check_head(outgoing, answer)
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
            data=encoded_body(outgoing.request),
            allow_redirects=False,
            auto_decompress=False,
            raise_for_status=False,
            timeout=client_timeout(timeout),
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
