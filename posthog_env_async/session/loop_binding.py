"""Where a pool was opened: the process and the event loop, and the places it has there."""

import asyncio
import importlib
import os
from contextlib import suppress

import anyio
import attrs

from posthog_env_async.errors import ConfigurationError

__all__ = ["LoopBinding"]

# anyio loads this at first use, in the running loop: 20 ms in which a server answers nobody.
with suppress(ImportError):
    importlib.import_module("anyio._backends._asyncio")


@attrs.frozen
class LoopBinding:
    """The process and loop that a pool works in, and its places for exchanges and for streams.

    A stream is as slow as its consumer, who may use the client meanwhile: so it takes no place that
    an exchange waits for, and the places of exchanges always come free by themselves.
    """

    process: int
    loop: asyncio.AbstractEventLoop
    exchanges: anyio.Semaphore = attrs.field(repr=False)
    streams: anyio.Semaphore = attrs.field(repr=False)

    @classmethod
    def here(cls, places: int) -> "LoopBinding":
        """Settle in the process and event loop that run now.

        Raises:
            ConfigurationError: on another loop than asyncio's.
        """
        return cls(os.getpid(), _loop(), _semaphore(places), _semaphore(places))

    def check(self) -> None:
        """Check that it is used where it was opened.

        Raises:
            ConfigurationError: after a fork, or in another event loop or thread.
        """
        if self.process != os.getpid():
            raise ConfigurationError(
                "this client was opened in another process; open one after the fork"
            )
        if self.loop is not _loop():
            raise ConfigurationError(
                "this client was opened in another event loop or thread; open one client in each"
            )


def _semaphore(places: int) -> anyio.Semaphore:
    return anyio.Semaphore(places, fast_acquire=True)


def _loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "no asyncio event loop runs here: aiohttp needs asyncio, so under anyio use its"
            " asyncio backend, not trio"
        ) from None
