"""What a client tells its observer: frozen events without keys, ids and personal values."""

from collections.abc import Callable
from typing import Any

import attrs

__all__ = [
    "CallEnded",
    "CallStarted",
    "Event",
    "ExportCheckpointed",
    "ExportEnded",
    "LimitWaited",
    "ListingEnded",
    "Observer",
    "PageRead",
    "RequestEnded",
    "RequestStarted",
    "RetryScheduled",
    "SeamRepaired",
]


@attrs.frozen(kw_only=True)
class Event:
    """Anything that an observer is told.

    `route` is a template such as `/api/projects/{project_id}/persons/{id}/`; `call` is a number
    that all events of one call have in common, and no other call of the process has.
    """


@attrs.frozen(kw_only=True)
class CallStarted(Event):
    """A call begins: one method of the API, with all its attempts."""

    method: str
    route: str
    call: int


@attrs.frozen(kw_only=True)
class CallEnded(Event):
    """A call has its answer or its error, or was cancelled; `error` is the class, or `None`.

    `status` is that of the last answer, `None` where none came; `seconds` are over all attempts.
    """

    method: str
    route: str
    attempts: int
    status: int | None
    error: str | None
    seconds: float
    call: int


@attrs.frozen(kw_only=True)
class RequestStarted(Event):
    """A request goes out; `attempt` counts from 1, and a redirect that is followed keeps it.

    `host` and `port` are those of the server.
    """

    method: str
    route: str
    attempt: int
    host: str
    port: int
    call: int


@attrs.frozen(kw_only=True)
class RequestEnded(Event):
    """A request has its answer, or broke.

    `status` is `None` where no answer came, and `error` the class of the error then. `bytes` are
    those of the body after decompression; `seconds` the time from sending to the last byte;
    `waited` the seconds before it for a limit.
    """

    method: str
    route: str
    attempt: int
    status: int | None
    bytes: int
    seconds: float
    waited: float
    error: str | None
    call: int


@attrs.frozen(kw_only=True)
class RetryScheduled(Event):
    """Attempt number `attempt` failed with `error`, a class; the next one follows in `wait` s."""

    method: str
    route: str
    attempt: int
    status: int | None
    error: str
    wait: float
    call: int


@attrs.frozen(kw_only=True)
class LimitWaited(Event):
    """A request waited `seconds` for a permit of `budget`, or for a 429 to pass."""

    budget: str
    seconds: float
    call: int


@attrs.frozen(kw_only=True)
class PageRead(Event):
    """A page of a listing was accepted; `rows` are those that no earlier page had."""

    route: str
    rows: int
    bytes: int


@attrs.frozen(kw_only=True)
class SeamRepaired(Event):
    """Rows had moved between two pages of a listing, and the rows between were read again."""

    route: str


@attrs.frozen(kw_only=True)
class ListingEnded(Event):
    """A run of a listing ended, in whatever way; `report` is its `ListingReport`."""

    route: str
    report: Any


@attrs.frozen(kw_only=True)
class ExportCheckpointed(Event):
    """An export can be resumed from here: so many rows and bytes are safely in its file."""

    rows: int
    bytes: int


@attrs.frozen(kw_only=True)
class ExportEnded(Event):
    """An export was published under its name."""

    rows: int
    requests: int
    complete: bool
    seconds: float


Observer = Callable[[Event], object]
"""What is called with each event, at once and in the task that does the work; be quick."""
