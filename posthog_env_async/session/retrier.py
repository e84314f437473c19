"""After a failure: whether to try again, and the wait until then."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import attrs

from posthog_env_async.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    PostHogError,
    RateLimitError,
)

from .api_key import KeySource
from .backoff import Backoff, RetryQuota, is_too_large
from .call import Call
from .limits import Limiter
from .redirects import EnvironmentsState
from .request import RequestCounter

__all__ = ["Retrier", "SharedState"]

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class SharedState:
    """What a client and all its siblings have in common besides connections, key and limits."""

    granted: frozenset[str] | None = None
    counter: RequestCounter = attrs.field(factory=RequestCounter)
    quota: RetryQuota = attrs.field(factory=RetryQuota)
    environments: EnvironmentsState = EnvironmentsState.SERVED
    has_warned: bool = False
    decoding: asyncio.Lock = attrs.field(factory=asyncio.Lock, repr=False)


@attrs.define(eq=False)
class Retrier:
    """Decides whether a call is sent again, and waits until then."""

    keys: KeySource
    limiter: Limiter
    backoff: Backoff
    state: SharedState
    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    async def wait_or_raise(self, call: Call, failure: PostHogError, *, has_begun: bool) -> None:
        """Wait for the next attempt, or raise the failure where the policy gives up.

        A stream that has begun to hand out its body is not sent again.
        """
        if isinstance(failure, APIConnectionError | APIStatusError) and failure.sent:
            failure = failure.seen_after(call.attempt)
        if has_begun:
            raise failure.with_traceback(None)
        if await self._has_new_key(call, failure):
            return
        delay = self._delay(call, failure)
        await self._block_others(call, failure)
        if delay is None or not self.state.quota.spend(failure):
            # Without the frames below: their locals hold bodies and queries.
            raise failure.with_traceback(None)
        _note_retry(call, failure, delay)
        await self.sleep(delay)

    def _delay(self, call: Call, failure: PostHogError) -> float | None:
        """Return the seconds until the next attempt; `None` when there is none."""
        if call.request.can_be_split and is_too_large(failure):
            return None
        elapsed, safety = self.now() - call.began, call.request.retry_safety
        return self.backoff.wait_after(failure, call.attempt, safety, elapsed)

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
        retry_after = failure.retry_after
        seconds = self.backoff.delay(call.attempt) if retry_after is None else retry_after
        try:
            await self.limiter.block(call.request.budget, seconds)
        except Exception as error:  # noqa: BLE001 - the answer counts, not the limiter
            logger.warning("the limiter could not be told of a 429: %s", type(error).__name__)


def _note_retry(call: Call, failure: PostHogError, delay: float) -> None:
    """Count, log and tell that another attempt follows after `delay` seconds."""
    for counter in call.counters:
        counter.retries += 1
        counter.lost += not isinstance(failure, RateLimitError)
    status = failure.status if isinstance(failure, APIStatusError) else ""
    failed_with = f"{type(failure).__name__} {status}".rstrip()
    method, path = call.request.method, call.request.path
    text = "attempt %d failed, next in %.1f s: %s %s %s"
    logger.warning(text, call.attempt, delay, method, path, failed_with)
    if call.observer:
        call.observer.note_retry(failure, delay)
