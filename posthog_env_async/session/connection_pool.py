"""The connections themselves: one aiohttp session, and how many exchanges are on it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs
from yarl import URL

__all__ = [
    "CONNECT",
    "KEEP_ALIVE",
    "ConnectionPool",
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

    @contextmanager
    def in_use(self) -> Generator[None]:
        """Count an exchange while it lasts."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    async def retire(self) -> None:
        """Take no new exchange, and close when idle."""
        self.retired = True
        await self.close_when_idle()

    async def close_when_idle(self) -> None:
        """Close when nobody needs it any more."""
        if self.retired and not self.busy:
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
