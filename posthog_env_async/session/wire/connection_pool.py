"""The connections themselves, and the process and event loop that they belong to."""

import asyncio
import os
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from yarl import URL

from posthog_env_async.errors import ConfigurationError

__all__ = [
    "CONNECT",
    "KEEP_ALIVE",
    "ConnectionPool",
    "LoopBinding",
    "connections_of",
    "new_connections",
    "proxy_for",
]

KEEP_ALIVE = 15.0
CONNECT = 10.0
DNS_CACHE = 60


@attrs.define(eq=False)
class ConnectionPool:
    """One aiohttp session; a retired one closes when its last exchange has ended."""

    http: aiohttp.ClientSession
    owned: bool
    busy: int = 0
    retired: bool = False

    async def retire(self) -> None:
        """Take no new exchange, and close when idle."""
        self.retired = True
        await self.close_idle()

    async def close_idle(self) -> None:
        """Close when no exchange is under way."""
        if not self.busy:
            await self.close()

    async def close(self) -> None:
        """Close at once, unless the session is the caller's."""
        if self.owned:
            await self.http.close()


class _CleanConnector(aiohttp.TCPConnector):
    """Reuses no connection on which bytes came while it was idle.

    They would be read as the answer to the next request, and each later answer as that of the
    request after it. aiohttp looks for such bytes when a connection comes back, not when it goes
    out, and has no public place to look then (aio-libs/aiohttp#13656).
    """

    async def _get(self, key: Any, traces: Any) -> Any:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        return None


def new_connections(most: int) -> ConnectionPool:
    """Open connections of our own, at most `most` at once."""
    connector = _CleanConnector(
        limit=most,
        keepalive_timeout=KEEP_ALIVE,
        ttl_dns_cache=DNS_CACHE,
        resolver=aiohttp.ThreadedResolver(),
    )
    http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    # aiohttp sends a GET a second time by itself, unseen by limits and attempts; it has no
    # public switch for that (aio-libs/aiohttp#10790).
    http._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return ConnectionPool(http, owned=True)


def connections_of(session: aiohttp.ClientSession) -> ConnectionPool:
    """Use the caller's own session."""
    return ConnectionPool(session, owned=False)


def proxy_for(url: URL) -> str | None:
    """Return the environment's proxy for a URL, as `HTTPS_PROXY` and `NO_PROXY` say."""
    if proxy_bypass(url.host or ""):
        return None
    return getproxies().get(url.scheme)


@attrs.frozen
class LoopBinding:
    """The process and loop that a transport works in, and its slots for exchanges and streams.

    A stream is as slow as its consumer, who may use the client meanwhile: so it takes no slot that
    an exchange waits for, and the slots of exchanges always come free by themselves.
    """

    process: int
    loop: asyncio.AbstractEventLoop
    exchanges: asyncio.Semaphore = attrs.field(repr=False)
    streams: asyncio.Semaphore = attrs.field(repr=False)

    @classmethod
    def current(cls, slots: int) -> "LoopBinding":
        """Bind to the process and event loop that run now.

        Raises:
            ConfigurationError: on another loop than asyncio's.
        """
        semaphores = asyncio.Semaphore(slots), asyncio.Semaphore(slots)
        return cls(os.getpid(), _running_loop(), *semaphores)

    def check(self) -> None:
        """Check that it is used where it was opened.

        Raises:
            ConfigurationError: after a fork, or in another event loop or thread.
        """
        if self.process != os.getpid():
            raise ConfigurationError(
                "this client was opened in another process; open one after the fork"
            )
        try:
            is_here = self.loop is asyncio.get_running_loop()
        except RuntimeError:
            is_here = False
        if not is_here:
            raise ConfigurationError(
                "this client was opened in another event loop or thread; open one client in each"
            )


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "no asyncio event loop runs here: aiohttp needs asyncio, so under anyio use its asyncio"
        " backend, not trio"
    )
