"""What a client and all its siblings have in common."""

import attrs

from .backoff import RetryQuota
from .redirects import EnvironmentsState
from .request import RequestCounter
from .response import DecodeQueue

__all__ = ["SharedState"]


@attrs.define(eq=False)
class SharedState:
    """What a client and all its siblings have in common besides connections, key and limits."""

    granted: frozenset[str] | None = None
    counter: RequestCounter = attrs.field(factory=RequestCounter)
    quota: RetryQuota = attrs.field(factory=RetryQuota)
    environments: EnvironmentsState = EnvironmentsState.SERVED
    has_warned: bool = False
    decoding: DecodeQueue = attrs.field(factory=DecodeQueue, repr=False)
