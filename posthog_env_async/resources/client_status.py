"""What a client tells of itself."""

from datetime import UTC, datetime, timedelta

from posthog_env_async.session import BUDGETS, MAX_BLOCK, Limiter, Session

__all__ = ["ClientStatus"]


class ClientStatus:
    """Where a client's requests go, how many went out, and what they wait for."""

    _session: Session

    @property
    def host(self) -> str:
        """The server's URL."""
        return self._session.address.root

    @property
    def prefix(self) -> str:
        """`environments` or `projects`, whichever the server is known to answer."""
        return self._session.prefix

    @property
    def requests(self) -> int:
        """How many requests went out, those of siblings included."""
        return self._session.state.counter.requests

    @property
    def retries(self) -> int:
        """How many of them were second attempts."""
        return self._session.state.counter.retries

    @property
    def limiter(self) -> Limiter:
        """The limiter that every request waits for."""
        return self._session.limiter

    @property
    def throttled_until(self) -> datetime | None:
        """Until when a 429 blocks requests; `None` when none does."""
        seconds = max(self._session.limiter.blocked_for(budget) for budget in BUDGETS)
        seconds = min(seconds, MAX_BLOCK)
        return datetime.now(UTC) + timedelta(seconds=seconds) if seconds > 0 else None
