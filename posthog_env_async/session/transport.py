"""The pool of connections, and one exchange over them: the only code that speaks HTTP."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    contextmanager,
)

import aiohttp
import anyio
import anyio.lowlevel
import attrs
from yarl import URL

from posthog_env_async._version import __version__
from posthog_env_async.converter import dump
from posthog_env_async.errors import (
    APIConnectionError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
)

from .api_key import APIKey
from .connection_pool import CONNECT, ConnectionPool, connections_of, new_connections, proxy_for
from .content_type import JSON, check_kind
from .loop_binding import LoopBinding
from .request import Request
from .response_body import body_chunks, first_bytes, whole_body
from .transport_errors import FAULTS, broken, is_stale

__all__ = ["Response", "Transport"]

MOST_OF_AN_ERROR = 64 << 10
USER_AGENT = f"posthog-env-async/{__version__}"


@attrs.frozen
class Response:
    """A whole answer."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


@attrs.define
class Transport:
    """Connections to one origin, bound to the event loop and process that opened it."""

    key: APIKey
    timeout: float
    max_bytes: int
    max_connections: int
    given: aiohttp.ClientSession | None = None
    proxy: str | None = attrs.field(default=None, repr=False)
    ssl: tls.SSLContext | None = None
    _current: ConnectionPool | None = attrs.field(default=None, init=False)
    _home: LoopBinding | None = attrs.field(default=None, init=False)
    _scopes: set[anyio.CancelScope] = attrs.field(factory=set[anyio.CancelScope], init=False)
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
        if self._home is not None or self._closed:
            raise ConfigurationError("this client was opened before; make a new PostHogEnv")
        self._home = LoopBinding.here(self.max_connections)
        self._current = self._connect()

    async def close(self) -> None:
        """Break off what is in flight and close the connections, unless they are the caller's.

        Raises:
            ConfigurationError: when the client was opened elsewhere.
        """
        if self._home is not None:
            self._home.check()
        self._closed = True
        for scope in tuple(self._scopes):
            scope.cancel()
        while self._scopes:
            await anyio.lowlevel.checkpoint()
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
        self._retired = [*(held for held in self._retired if held.busy), old]
        await old.retire()

    @contextmanager
    def until_closed(self) -> Generator[None]:
        """Break off the body when the client is closed meanwhile.

        Raises:
            APIConnectionError: when that happened.
            ClientClosedError: when the client is not open.
            ConfigurationError: when it is open in another loop or process.
        """
        self._check_home()
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)
        if scope.cancelled_caught:
            raise _closed_meanwhile() from None

    async def exchange(self, call: Request, url: URL) -> Response:
        """Send a call once and read the whole answer.

        Raises:
            APIConnectionError, APITimeoutError: when no whole answer came.
            ResponseDecodeError: when it is of another type than was asked for.
        """
        try:
            async with self._check_home().exchanges, self._in_use() as connections:
                async with asyncio.timeout(call.timeout or self.timeout):
                    async with self._request(connections, call, url) as answer:
                        return await self._whole(call, answer)
        except ConfigurationError:
            raise
        except FAULTS as fault:
            stale, failure = is_stale(fault), broken(fault, call, url)
        if stale:
            await self.renew()
        raise failure

    async def _whole(self, call: Request, answer: aiohttp.ClientResponse) -> Response:
        if not 200 <= answer.status < 300:
            body = await first_bytes(answer, min(self.max_bytes, MOST_OF_AN_ERROR))
        else:
            check_kind(answer, call.accept)
            body = await whole_body(answer, self.max_bytes)
        return Response(answer.status, answer.headers, body)

    @asynccontextmanager
    async def streamed(
        self, call: Request, url: URL
    ) -> AsyncGenerator[tuple[Response, AsyncGenerator[bytes]]]:
        """Send a call once and hand out the body as it comes; `timeout` is for each piece.

        An error answer is read whole; no piece follows.
        """
        patience = call.timeout or self.timeout
        try:
            async with AsyncExitStack() as stack:
                with self.until_closed():
                    await self._take_stream(stack, patience)
                    connections = await stack.enter_async_context(self._in_use())
                    async with asyncio.timeout(patience):
                        request = self._request(connections, call, url)
                        answer = await stack.enter_async_context(request)
                        head = await self._head(call, answer)
                self._streamed.add(answer)
                stack.callback(self._streamed.discard, answer)
                chunks = body_chunks(answer, None, patience)
                yield head, await stack.enter_async_context(aclosing(chunks))
        except ConfigurationError:
            raise
        except FAULTS as fault:
            failure = _closed_meanwhile() if self._closed else broken(fault, call, url)
        else:
            return
        raise failure

    async def _take_stream(self, stack: AsyncExitStack, patience: float) -> None:
        streams = self._check_home().streams
        with anyio.move_on_after(patience):
            await streams.acquire()
            stack.callback(streams.release)
            return
        raise APITimeoutError(
            f"{self.max_connections} streams are open and none ended; raise max_connections",
            retryable=False,
        )

    async def _head(self, call: Request, answer: aiohttp.ClientResponse) -> Response:
        if not 200 <= answer.status < 300:
            return await self._whole(call, answer)
        check_kind(answer, call.accept)
        return Response(answer.status, answer.headers, b"")

    @asynccontextmanager
    async def _in_use(self) -> AsyncGenerator[ConnectionPool]:
        self._check_home()
        connections = self._current or self._connect()
        try:
            with connections.in_use():
                yield connections
        finally:
            await connections.close_when_idle()

    def _request(
        self, connections: ConnectionPool, call: Request, url: URL
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return connections.http.request(
            call.method,
            url,
            headers=self._headers(call),
            data=_written(call),
            allow_redirects=False,
            auto_decompress=False,
            raise_for_status=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
            proxy=proxy_for(url) if self.proxy == "env" else self.proxy,
            ssl=self.ssl or True,
        )

    def _headers(self, call: Request) -> dict[str, str]:
        body = {} if call.json is None else {"Content-Type": JSON}
        return {
            "Authorization": self.key.header(),
            "Accept": call.accept,
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
            **body,
        }

    def _connect(self) -> ConnectionPool:
        if self.given is not None:
            return connections_of(self.given)
        # Above what exchanges and streams may use together, so that nobody waits for a connection.
        return new_connections(2 * self.max_connections + 2)

    def _check_home(self) -> LoopBinding:
        if self._closed:
            raise ClientClosedError("this client is closed; make a new PostHogEnv")
        if self._home is None:
            raise ClientClosedError(
                "this client is not open; use it inside 'async with PostHogEnv(…) as env:'"
            )
        self._home.check()
        return self._home


def _closed_meanwhile() -> APIConnectionError:
    return APIConnectionError(
        "the client was closed while the call was under way",
        may_have_been_processed=True,
        retryable=False,
    )


def _written(call: Request) -> bytes | None:
    if call.json is None:
        return None
    try:
        return dump(call.json)
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ConfigurationError(f"json must be what JSON can hold ({reason})")
