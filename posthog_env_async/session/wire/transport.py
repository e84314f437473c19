"""The connections, and one exchange over them."""

import asyncio
import math
import ssl as tls
from contextlib import AbstractAsyncContextManager
from functools import lru_cache, partial

import aiohttp
import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ClientClosedError, ConfigurationError
from posthog_env_async.session.call import Call
from posthog_env_async.session.limits import Permit
from posthog_env_async.session.request import Request
from posthog_env_async.session.response import Response

from .connection_pool import (
    CONNECT,
    ConnectionPool,
    LoopBinding,
    connections_of,
    new_connections,
    proxy_for,
)
from .freed_memory import keep_freed_memory
from .response_body import read_response
from .transport_errors import FAULTS, is_stale_connection, map_error

__all__ = ["PermitExpiredError", "Transport", "UntilClosed"]

# aiohttp's own: it is exact, and sees the head and the body.
_timeout = lru_cache(partial(aiohttp.ClientTimeout, sock_connect=CONNECT, ceil_threshold=math.inf))


class PermitExpiredError(Exception):
    """The permit ran out before the request could be sent; nothing was sent."""


@attrs.define(eq=False)
class UntilClosed:
    """A block that ends when the client is closed meanwhile; what follows then says so.

    As `asyncio.timeout` does: the cancellation that it began is its own, any other passes.
    """

    transport: "Transport"
    _task: "asyncio.Task[object] | None" = attrs.field(default=None, init=False)
    _requests: int = attrs.field(default=0, init=False)
    _is_closing: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> None:
        self.transport.check_open()
        self._task = task = asyncio.current_task()
        assert task is not None  # noqa: S101 - told to the type checkers
        self._requests = task.cancelling()
        self.transport.blocks.add(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.transport.blocks.discard(self)
        if not self._is_closing or self._task is None:
            return False
        is_own = self._task.uncancel() <= self._requests
        return is_own and kind is asyncio.CancelledError

    def close(self) -> None:
        """Break off the block."""
        if not self._is_closing and self._task is not None:
            self._is_closing = True
            self._task.cancel()


@attrs.define
class Transport:
    """Connections to one origin, bound to the event loop and process that opened it.

    `blocks` are those to break off when it closes, and `answers` those whose bodies are streamed.
    """

    max_bytes: int
    max_connections: int
    given: aiohttp.ClientSession | None = None
    proxy: str | None = attrs.field(default=None, repr=False)
    ssl: tls.SSLContext | None = None
    blocks: set[UntilClosed] = attrs.field(factory=set[UntilClosed], init=False, repr=False)
    answers: set[aiohttp.ClientResponse] = attrs.field(
        factory=set[aiohttp.ClientResponse], init=False, repr=False
    )
    closed: bool = attrs.field(default=False, init=False)
    _current: ConnectionPool | None = attrs.field(default=None, init=False)
    _binding: LoopBinding | None = attrs.field(default=None, init=False)
    _retired: list[ConnectionPool] = attrs.field(
        factory=list[ConnectionPool], init=False, repr=False
    )

    async def open(self) -> None:
        """Open for use in this event loop.

        Raises:
            ConfigurationError: on another loop than asyncio's, or when opened before.
        """
        if self._binding is not None or self.closed:
            raise ConfigurationError("this client was opened before; make a new PostHogEnv")
        self._binding = LoopBinding.current(self.max_connections)
        self._current = self._connect()
        keep_freed_memory()

    async def close(self) -> None:
        """Break off what is in flight and close the connections, unless they are the caller's.

        Raises:
            ConfigurationError: when the client was opened elsewhere.
        """
        if self._binding is not None:
            self._binding.check()
        self.closed = True
        for block in tuple(self.blocks):
            block.close()
        while self.blocks:  # noqa: ASYNC110 - it takes each of them a few turns of the loop
            await asyncio.sleep(0)
        for answer in tuple(self.answers):
            answer.close()
        if self._current is not None:
            self._retired.append(self._current)
        while self._retired:
            await self._retired.pop().close()

    async def renew(self) -> None:
        """Leave the pooled connections behind: they are dead, or mix up answers."""
        old = self._current
        if old is None or not old.owned or self.closed:
            return
        self._current = self._connect()
        self._retired = [*(pool for pool in self._retired if pool.busy), old]
        await old.retire()

    def check_open(self) -> LoopBinding:
        """Return the event loop's own: the slots for exchanges and streams.

        Raises:
            ClientClosedError: when the client is not open.
            ConfigurationError: when it is open in another loop or process.
        """
        if self.closed:
            raise ClientClosedError("this client is closed; make a new PostHogEnv")
        if self._binding is None:
            raise ClientClosedError(
                "this client is not open; use it inside 'async with PostHogEnv(…) as env:'"
            )
        self._binding.check()
        return self._binding

    async def exchange(self, call: Call, permit: Permit) -> Response:
        """Send a request once and read the whole answer.

        Raises:
            APIConnectionError, APITimeoutError: when no whole answer came.
            ResponseDecodeError: when it is of another type than was asked for.
            PermitExpiredError: when it had to wait too long for a connection.
        """
        # Whoever calls stands in `UntilClosed`, which looked at process and event loop.
        pool, slots = None, (self._binding or self.check_open()).exchanges
        await slots.acquire()
        try:
            pool = self.take_pool(permit)
            async with self.send(pool, call, call.timeout) as answer:
                return await read_response(call, answer, self.max_bytes)
        except ConfigurationError:
            raise
        except FAULTS as fault:
            stale = is_stale_connection(fault)
            failure = map_error(fault, call.request, call.url, self.max_bytes)
        finally:
            slots.release()
            if pool is not None:  # pragma: no branch - an expired permit raises before
                pool.busy -= 1
                if pool.retired:
                    await pool.close_idle()
        if stale:
            await self.renew()
        raise failure

    def take_pool(self, permit: Permit) -> ConnectionPool:
        """Return the connections for an exchange, which counts as begun.

        Raises:
            PermitExpiredError: when it waited too long.
            ClientClosedError: when the client was closed meanwhile.
        """
        if permit.is_expired:
            raise PermitExpiredError
        pool = self._current or self._connect()
        pool.busy += 1
        return pool

    def send(
        self, pool: ConnectionPool, call: Call, timeout: float | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request, and open the answer for a block; `None` seconds have no end."""
        request = call.request
        return pool.http.request(
            request.method,
            call.url,
            headers=call.headers,
            data=None if request.json is None else _encoded_body(request),
            allow_redirects=False,
            auto_decompress=False,
            raise_for_status=False,
            timeout=_timeout(total=timeout),
            proxy=proxy_for(call.url) if self.proxy == "env" else self.proxy,
            ssl=self.ssl or True,
        )

    def _connect(self) -> ConnectionPool:
        if self.given is not None:
            return connections_of(self.given)
        # Above what exchanges and streams may use together, so that nobody waits for a connection.
        return new_connections(2 * self.max_connections + 2)


def _encoded_body(request: Request) -> bytes:
    """Return the body of a request as JSON.

    Raises:
        ConfigurationError: when JSON cannot hold it.
    """
    try:
        return dump(request.json)
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ConfigurationError(f"json must be what JSON can hold ({reason})")
