"""What the store of a shared limiter has to offer, and what to do without it."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.session import Limit, Limits

__all__ = ["GRACE", "LEASE", "POLL_INTERVAL", "RAMP_POLL", "Grant", "LimitStore", "Share"]

LEASE = 30.0
POLL_INTERVAL = 10.0
GRACE = 1.0
RAMP_POLL = 0.05


@attrs.frozen
class Grant:
    """The store's answer to a request that wants a place.

    Not granted: ask again after `wait` seconds with the same `ticket`, which keeps the place in the
    queue. `blocked` is for how many more seconds the server's 429 blocks the budget.
    """

    granted: bool
    wait: float
    ticket: int
    blocked: float


@attrs.frozen
class Share:
    """Go on without the shared store, each of `processes` with its part of every window."""

    processes: int

    def __attrs_post_init__(self) -> None:
        if self.processes < 1:
            raise ConfigurationError("a Share is among at least one process")

    def of(self, limits: Limits) -> Limits:
        """Return one process' part of the limits: fewer requests, or one in a longer time."""
        return Limits(
            persons=self._part(limits.persons),
            max_tools=self._part(limits.max_tools),
            default=self._part(limits.default),
        )

    def _part(self, windows: Sequence[Limit] | None) -> Sequence[Limit] | None:
        return None if windows is None else [self._window(limit) for limit in windows]

    def _window(self, limit: Limit) -> Limit:
        if limit.requests >= self.processes:
            return Limit(limit.requests // self.processes, limit.seconds)
        return Limit(1, limit.seconds * self.processes / limit.requests)


class LimitStore(Protocol):
    """The state of every budget, shared by processes; `id` names one request.

    A store that cannot be reached raises `LimiterUnavailableError`.
    """

    @property
    def shown(self) -> str:
        """Where it is, without secrets."""
        ...

    async def acquire(self, budget: str, limits: Sequence[Limit], id: str, ticket: int) -> Grant:
        """Take a place in every window, or queue for one; `ticket` is 0 when first asked."""
        ...

    async def cancel(self, budget: str, id: str) -> None:
        """Cancel a request that will not be sent."""
        ...

    async def release(self, budget: str, limits: Sequence[Limit], id: str) -> None:
        """Count the end of a request."""
        ...

    async def renew(self, leases: Sequence[tuple[str, str]]) -> None:
        """Renew the leases of these requests (budget, id)."""
        ...

    async def block(self, budget: str, limits: Sequence[Limit], seconds: float) -> None:
        """Block the budget for so many seconds; then one request at a time may start."""
        ...

    async def used(self, budget: str, limits: Sequence[Limit]) -> Sequence[int]:
        """Return how many places of each window are taken."""
        ...

    async def aclose(self) -> None:
        """Close the connection; the next call opens another."""
        ...
