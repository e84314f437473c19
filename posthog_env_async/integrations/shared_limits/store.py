"""What a shared limiter's books have to offer, and what to do without them."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.session import Limit, Limits

__all__ = ["GRACE", "LEASE", "POLL_INTERVAL", "RAMP_POLL", "LimitStore", "Share", "Turn"]

LEASE = 30.0
POLL_INTERVAL = 10.0
GRACE = 1.0
RAMP_POLL = 0.05


@attrs.frozen
class Turn:
    """What the books say to somebody who asks.

    Not granted: ask again after `wait` seconds with the same `ticket`, which keeps the place in the
    queue. `held` is for how long a hold stands.
    """

    granted: bool
    wait: float
    ticket: int
    held: float


@attrs.frozen
class Share:
    """Go on without the shared books, each of `processes` with its part of every window."""

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
    """The books of every budget, shared by processes; `who` names one request.

    A ledger that cannot be reached raises `LimiterUnavailableError`.
    """

    async def ask(self, budget: str, limits: Sequence[Limit], who: str, ticket: int) -> Turn:
        """Take a place in every window, or queue for one; `ticket` is 0 when first asked."""
        ...

    async def leave(self, budget: str, who: str) -> None:
        """Forget somebody who will not send."""
        ...

    async def end(self, budget: str, limits: Sequence[Limit], who: str) -> None:
        """Count the end of a request."""
        ...

    async def renew(self, flying: Sequence[tuple[str, str]]) -> None:
        """Say that these requests (budget, who) are still under way."""
        ...

    async def hold(self, budget: str, limits: Sequence[Limit], seconds: float) -> None:
        """Let nobody of the budget start for so many seconds, and then one at a time."""
        ...

    async def used(self, budget: str, limits: Sequence[Limit]) -> Sequence[int]:
        """Return how many places of each window are taken."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection; asking again opens another."""
        ...
