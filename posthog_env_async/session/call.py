"""One call under way: its attempts, what it counts, and what an observer is told of it."""

import itertools
import logging
from collections.abc import Callable
from typing import Final, Self

import attrs
from yarl import URL

from posthog_env_async.errors import APIStatusError, PostHogError, RateLimitError
from posthog_env_async.events import (
    CallEnded,
    CallStarted,
    LimitWaited,
    RequestEnded,
    RequestStarted,
    RetryScheduled,
)

from .api_key import APIKey
from .emitter import Emitter
from .request import Request, RequestCounter

__all__ = ["Call"]

LEAST_WAIT = 0.001
NUMBERS: Final = itertools.count(1)

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class Call:
    """A request with all its attempts; a block of `with` is the time that it is under way."""

    request: Request
    counter: RequestCounter
    emit: Emitter | None
    now: Callable[[], float] = attrs.field(repr=False)
    _prefix: str
    began: float = 0.0
    attempt: int = 0
    status: int | None = None
    key: APIKey | None = None
    has_renewed_key: bool = False
    number: int = 0
    _route: str = ""
    _waited: float = 0.0
    _sent_at: float = 0.0
    _is_sent: bool = False

    def __enter__(self) -> Self:
        self.began = self.now()
        if self.emit:
            self.number, self._route = next(NUMBERS), self.request.route(self._prefix)
            method, route = self.request.method, self._route
            self.emit(CallStarted(method=method, route=route, call=self.number))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self.emit and not logger.isEnabledFor(logging.DEBUG):
            return
        error = None if kind is None or kind is GeneratorExit else kind.__name__
        if self._is_sent:
            self.note_response(None, 0, error)
        event = CallEnded(
            method=self.request.method,
            route=self._route or self.request.route(self._prefix),
            attempts=self.attempt,
            status=self.status,
            error=error,
            seconds=self.now() - self.began,
            call=self.number,
        )
        _log(event)
        if self.emit:
            self.emit(event)

    def note_permit(self, asked: float) -> None:
        """Take note of how long the request waited for its permit."""
        self._sent_at = self.now()
        self._waited = self._sent_at - asked
        if self.emit and self._waited >= LEAST_WAIT:
            budget, seconds = self.request.budget, self._waited
            self.emit(LimitWaited(budget=budget, seconds=seconds, call=self.number))

    def note_request(self, url: URL) -> None:
        """Count a request that goes out."""
        self.counter.requests += 1
        if self.request.meter is not None:
            self.request.meter.requests += 1
        if self.emit:
            is_projects = "/api/projects/" in url.raw_path
            self._route = self.request.route("projects" if is_projects else "environments")
            event = RequestStarted(
                method=self.request.method,
                route=self._route,
                attempt=self.attempt,
                host=url.host or "",
                port=url.port or 0,
                call=self.number,
            )
            self._is_sent = True
            self.emit(event)

    def note_response(self, status: int | None, size: int, error: str | None) -> None:
        """Take note of a response, or of the error that came in its place."""
        self.status, self._is_sent = status, False
        if self.emit:
            event = RequestEnded(
                method=self.request.method,
                route=self._route,
                attempt=self.attempt,
                status=status,
                bytes=size,
                seconds=self.now() - self._sent_at,
                waited=self._waited,
                error=error,
                call=self.number,
            )
            self.emit(event)

    def note_not_sent(self) -> None:
        """Take back a request whose permit expired before it could be sent."""
        self._count(requests=-1)
        self.note_response(None, 0, "PermitExpiredError")

    def note_retry(self, failure: PostHogError, delay: float) -> None:
        """Count, log and tell that another attempt follows after `delay` seconds."""
        self._count(retries=1, lost=int(not isinstance(failure, RateLimitError)))
        status = failure.status if isinstance(failure, APIStatusError) else None
        kind, request = type(failure).__name__, self.request
        shown = kind if status is None else f"{kind} {status}"
        text = "attempt %d failed, next in %.1f s: %s %s %s"
        logger.warning(text, self.attempt, delay, request.method, request.path, shown)
        if self.emit:
            event = RetryScheduled(
                method=request.method,
                route=self._route,
                attempt=self.attempt,
                status=status,
                error=kind,
                wait=delay,
                call=self.number,
            )
            self.emit(event)

    def _count(self, requests: int = 0, retries: int = 0, lost: int = 0) -> None:
        meter = self.request.meter
        for counter in (self.counter,) if meter is None else (self.counter, meter):
            counter.requests += requests
            counter.retries += retries
            counter.lost += lost


def _log(event: CallEnded) -> None:
    """Write one line a call; its fields are those of the record."""
    fields = {name: value for name, value in attrs.asdict(event).items() if name != "call"}
    outcome = event.error or event.status
    text = "%s %s %s in %.3f s"
    logger.debug(text, event.method, event.route, outcome, event.seconds, extra=fields)
