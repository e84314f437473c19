"""One call under way, and what an observer is told of it."""

import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Final, Self

import attrs
from yarl import URL

from posthog_env_async.errors import APIStatusError, PostHogError
from posthog_env_async.events import (
    CallEnded,
    CallStarted,
    Event,
    LimitWaited,
    Observer,
    RequestEnded,
    RequestStarted,
    RetryScheduled,
)

from .api_key import APIKey
from .request import Request, RequestCounter

__all__ = ["Call", "CallObserver", "Emitter"]

MIN_WAIT = 0.001
NUMBERS: Final = itertools.count(1)

logger = logging.getLogger("posthog_env_async")


@attrs.define(eq=False)
class Call:
    """A request with all its attempts, and the exchange that is under way.

    `timeout` is seconds for an attempt, of a stream those for each piece.
    """

    request: Request
    url: URL = attrs.field(repr=False)
    timeout: float
    began: float
    counters: tuple[RequestCounter, ...] = ()
    observer: "CallObserver | None" = None
    attempt: int = 1
    key: APIKey | None = None
    has_renewed_key: bool = False
    headers: Mapping[str, str] = attrs.field(default={}, repr=False)


@attrs.define(eq=False)
class CallObserver:
    """Tells of one call; a block of `with` is the time that it is under way."""

    request: Request
    emit: Callable[[Event], object]
    now: Callable[[], float] = attrs.field(repr=False)
    route: str
    number: int = attrs.field(factory=NUMBERS.__next__)
    attempt: int = 1
    status: int | None = None
    _began: float = 0.0
    _waited: float = 0.0
    _sent_at: float = 0.0
    _is_sent: bool = False

    def __enter__(self) -> Self:
        self._began = self.now()
        self.emit(CallStarted(method=self.request.method, route=self.route, call=self.number))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        error = None if kind is None or kind is GeneratorExit else kind.__name__
        if self._is_sent:
            self.note_response(None, 0, error)
        event = CallEnded(
            method=self.request.method,
            route=self.route,
            attempts=self.attempt,
            status=self.status,
            error=error,
            seconds=self.now() - self._began,
            call=self.number,
        )
        _log(event)
        self.emit(event)

    def note_permit(self, requested_at: float) -> None:
        """Take note of how long the request waited for its permit."""
        self._sent_at = self.now()
        self._waited = self._sent_at - requested_at
        if self._waited >= MIN_WAIT:
            budget, seconds = self.request.budget, self._waited
            self.emit(LimitWaited(budget=budget, seconds=seconds, call=self.number))

    def note_request(self, url: URL) -> None:
        """Tell that a request goes out."""
        is_projects = "/api/projects/" in url.raw_path
        self.route = self.request.route("projects" if is_projects else "environments")
        self._is_sent = True
        event = RequestStarted(
            method=self.request.method,
            route=self.route,
            attempt=self.attempt,
            host=url.host or "",
            port=url.port or 0,
            call=self.number,
        )
        self.emit(event)

    def note_response(self, status: int | None, size: int, error: str | None = None) -> None:
        """Take note of a response, or of the error that came in its place."""
        self.status, self._is_sent = status, False
        event = RequestEnded(
            method=self.request.method,
            route=self.route,
            attempt=self.attempt,
            status=status,
            bytes=size,
            seconds=self.now() - self._sent_at,
            waited=self._waited,
            error=error,
            call=self.number,
        )
        self.emit(event)

    def note_retry(self, failure: PostHogError, delay: float) -> None:
        """Tell that another attempt follows after `delay` seconds."""
        event = RetryScheduled(
            method=self.request.method,
            route=self.route,
            attempt=self.attempt,
            status=failure.status if isinstance(failure, APIStatusError) else None,
            error=type(failure).__name__,
            wait=delay,
            call=self.number,
        )
        self.emit(event)


@attrs.define
class Emitter:
    """Hands events to an observer; one that raises harms nothing, and is told once."""

    observer: Observer = attrs.field(repr=False)
    _has_failed: bool = attrs.field(default=False, init=False)

    def __call__(self, event: Event) -> None:
        """Hand out an event."""
        try:
            self.observer(event)
        except Exception as error:  # noqa: BLE001 - whatever a caller's observer may raise
            if not self._has_failed:
                self._has_failed = True
                logger.warning("the observer raised %s; told once", type(error).__name__)


def _log(event: CallEnded) -> None:
    """Write one line a call; its fields are those of the record."""
    fields = {name: value for name, value in attrs.asdict(event).items() if name != "call"}
    outcome = event.error or event.status
    text = "%s %s %s in %.3f s"
    logger.debug(text, event.method, event.route, outcome, event.seconds, extra=fields)
