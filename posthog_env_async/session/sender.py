"""Sending: the key, a permit, and one exchange; the permit is released whatever comes of it."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack

import attrs
from yarl import URL

from posthog_env_async.errors import PostHogError

from .api_key import APIKey, KeySource
from .backoff import Backoff
from .call import Call
from .limits import Limiter, Permit
from .response import Response
from .validation import request_headers
from .wire import Outgoing, PermitExpiredError, Transport

__all__ = ["Sender"]

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class Sender:
    """Sends a request once, when the limiter grants it."""

    transport: Transport
    keys: KeySource
    limiter: Limiter
    backoff: Backoff
    timeout: float
    headers: Mapping[str, str] = attrs.field(repr=False)
    now: Callable[[], float] = attrs.field(repr=False)
    _headers_of: dict[tuple[str, bool], Mapping[str, str]] = attrs.field(
        factory=dict[tuple[str, bool], Mapping[str, str]], init=False, repr=False
    )
    _headers_key: APIKey | None = attrs.field(default=None, init=False)

    async def exchange(self, call: Call, url: URL) -> Response:
        """Send a request once, under a permit, and return its response.

        Raises:
            PostHogError: when no response came.
        """
        key = call.key = self.keys.current or await self.keys.get()
        while True:
            permit = await self._acquire(call)
            outgoing = self._outgoing(call, url, key, permit)
            call.note_request(url)
            try:
                response = await self.transport.exchange(outgoing)
            except PermitExpiredError:
                call.note_not_sent()
                continue
            except PostHogError as error:
                call.note_response(None, 0, type(error).__name__)
                raise
            finally:
                try:
                    await permit.release()
                except Exception as error:  # noqa: BLE001 - any limiter's own
                    _note_failed_release(error)
            call.status = response.status
            if call.emit:
                call.note_response(response.status, len(response.body), None)
            return response

    async def open_stream(
        self, stack: AsyncExitStack, call: Call, url: URL
    ) -> tuple[Response, AsyncGenerator[bytes]]:
        """Send a request once, and return the head of its response and the pieces of its body.

        Raises:
            PostHogError: when no response came.
        """
        key = call.key = self.keys.current or await self.keys.get()
        while True:
            # The permit ends with the head: the consumer may use the client while it streams.
            permit = await self._acquire(call)
            outgoing = self._outgoing(call, url, key, permit)
            call.note_request(url)
            try:
                return await stack.enter_async_context(self.transport.streamed(outgoing))
            except PermitExpiredError:
                call.note_not_sent()
            except PostHogError as error:
                call.note_response(None, 0, type(error).__name__)
                raise
            finally:
                try:
                    await permit.release()
                except Exception as error:  # noqa: BLE001 - any limiter's own
                    _note_failed_release(error)

    async def _acquire(self, call: Call) -> Permit:
        max_wait = self.backoff.max_wait
        if not call.emit and self.backoff.deadline is None:
            return await self.limiter.acquire(call.request.budget, max_wait=max_wait)
        began = self.now()
        if self.backoff.deadline is not None:
            max_wait = min(max_wait, max(0.0, self.backoff.deadline - (began - call.began)))
        budget = call.request.budget
        permit = await self.limiter.acquire(budget, max_wait=max_wait)
        call.note_permit(began)
        return permit

    def _outgoing(self, call: Call, url: URL, key: APIKey, permit: Permit) -> Outgoing:
        if key is not self._headers_key:
            self._headers_of, self._headers_key = {}, key
        kind = call.request.accept, call.request.json is not None
        headers = self._headers_of.get(kind)
        if headers is None:
            headers = self._headers_of[kind] = request_headers(key, *kind, self.headers)
        timeout = call.request.timeout or self.timeout
        return Outgoing(call.request, url, headers, timeout, permit)


def _note_failed_release(error: Exception) -> None:
    """Log it only: what the server answered counts, not a limiter that breaks behind the answer."""
    logger.warning("the limiter could not be told of an end: %s", type(error).__name__)
