"""A limiter that processes share through Redis: one script a step, on Redis' own clock."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import attrs

from posthog_env_async.errors import ConfigurationError, LimiterUnavailableError
from posthog_env_async.integrations.shared_limits.key_digest import name_of
from posthog_env_async.integrations.shared_limits.limiter import SharedLimiter
from posthog_env_async.integrations.shared_limits.redis_scripts import STEPS
from posthog_env_async.integrations.shared_limits.store import (
    GRACE,
    LEASE,
    POLL_INTERVAL,
    RAMP_POLL,
    Grant,
    Share,
)
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits, as_limits
from posthog_env_async.session.rate_limiter import MAX_AT_ONCE

__all__ = ["RedisLimitStore", "RedisLimiter", "Share"]

TIMEOUT = 5.0
NO_BRACES = str.maketrans("{}", "()")
PARTS = ("ended", "leases", "queue", "promised", "state")


class RedisLimiter(SharedLimiter):
    """The limits of one API key, shared by every process that names the same Redis and `name`.

    .. code-block:: python

        async with RedisLimiter.for_key("redis://localhost", api_key) as limiter:
            async with PostHogEnv(1, api_key=api_key, limiter=limiter) as env:
                ...

    Needs the extra `redis`; holds one connection; belongs to one event loop, as a client does.
    """

    def __init__(
        self,
        url: str,
        limits: Limits | Sequence[Limit] | None = CLOUD_LIMITS,
        *,
        name: str = "default",
        on_unavailable: Literal["raise"] | Share = "raise",
        lease: float = LEASE,
    ) -> None:
        """Describe the limiter; nothing is opened before the first request.

        Args:
            url: `redis://…`, `rediss://…` or `unix://…`.
            limits: the same in all processes.
            name: one for each API key, since the server counts by key; `for_key` makes it.
            on_unavailable: raise while Redis is away, or go on with a `Share` in each process.
            lease: seconds after which the place of a process that died is free again.

        Raises:
            ConfigurationError: when the extra is missing or the URL is not one.
        """
        store = RedisLimitStore(url, name, lease)
        super().__init__(store, as_limits(limits), on_unavailable=on_unavailable, lease=lease)

    @classmethod
    def for_key(
        cls,
        url: str,
        api_key: str,
        limits: Limits | Sequence[Limit] | None = CLOUD_LIMITS,
        *,
        on_unavailable: Literal["raise"] | Share = "raise",
        lease: float = LEASE,
    ) -> Self:
        """Return the limiter named by a hash of an API key; the key itself goes nowhere."""
        return cls(url, limits, name=name_of(api_key), on_unavailable=on_unavailable, lease=lease)


@attrs.define(eq=False)
class RedisLimitStore:
    """The state in Redis; every budget has keys of its own in one slot of a cluster."""

    url: str = attrs.field(repr=False)
    name: str
    lease: float = LEASE
    _client: Any = attrs.field(init=False, repr=False)
    _scripts: Mapping[str, Any] = attrs.field(init=False, repr=False)
    _keys: dict[str, list[str]] = attrs.field(factory=dict[str, list[str]], init=False, repr=False)
    _has_checked: bool = attrs.field(default=False, init=False)
    _cluster: Any = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._client = _client(self.url)
        self._scripts = {step: self._client.register_script(lua) for step, lua in STEPS.items()}

    @property
    def shown(self) -> str:
        """Where it is, without the password."""
        place = urlsplit(self.url)
        host = place.hostname or place.path
        return f"the Redis at {host} and the name {self.name!r}"

    async def acquire(self, budget: str, limits: Sequence[Limit], id: str, ticket: int) -> Grant:
        """Take a place in every window, or queue for one."""
        windows = [text for limit in limits for text in (limit.requests, _micro(limit.seconds))]
        times = (_micro(self.lease), _micro(POLL_INTERVAL), _micro(GRACE), _micro(RAMP_POLL))
        granted, wait, ticket, blocked = await self._run(
            "acquire", budget, id, ticket, *times, self._keep(limits), *windows
        )
        return Grant(bool(granted), wait / 1e6, ticket, blocked / 1e6)

    async def cancel(self, budget: str, id: str) -> None:
        """Cancel a request that will not be sent."""
        await self._run("cancel", budget, id)

    async def release(self, budget: str, limits: Sequence[Limit], id: str) -> None:
        """Count the end of a request."""
        longest = _micro(max((limit.seconds for limit in limits), default=0.0))
        await self._run("release", budget, id, self._keep(limits), longest, MAX_AT_ONCE)

    async def renew(self, leases: Sequence[tuple[str, str]]) -> None:
        """Renew the leases of requests."""
        for budget in {name for name, _ in leases}:
            ids = [id for name, id in leases if name == budget]
            await self._run("renew", budget, _micro(self.lease), _milli(3 * self.lease), *ids)

    async def block(self, budget: str, limits: Sequence[Limit], seconds: float) -> None:
        """Block the budget for so many seconds."""
        await self._run("block", budget, _micro(seconds), self._keep(limits))

    async def used(self, budget: str, limits: Sequence[Limit]) -> Sequence[int]:
        """Return how many places of each window are taken."""
        used: list[int] = await self._run("used", budget, *(_micro(x.seconds) for x in limits))
        return used

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        if self._cluster is not None:
            await self._cluster.aclose()

    def _keep(self, limits: Sequence[Limit]) -> int:
        """Return for how many milliseconds what is written now may matter."""
        longest = max((limit.seconds for limit in limits), default=0.0)
        return _milli(longest + 2 * self.lease + POLL_INTERVAL + GRACE)

    async def _run(self, step: str, budget: str, *args: str | int) -> Any:
        if not self._has_checked:
            await self._look_at_server()
        keys = self.keys_of(budget)
        if self._cluster is not None:
            asked = self._cluster.eval(STEPS[step], len(keys), *keys, *args)
            return await self._tried(asked)
        return await self._tried(self._scripts[step](keys=keys, args=args))

    def keys_of(self, budget: str) -> Sequence[str]:
        """Return the keys of a budget; by their one hash tag they lie in one slot of a cluster."""
        if budget not in self._keys:
            name = f"{self.name}:{budget}".translate(NO_BRACES)
            self._keys[budget] = [f"posthog-env:{{{name}}}:{part}" for part in PARTS]
        return self._keys[budget]

    async def _look_at_server(self) -> None:
        """Ask, where it lets us ask, whether this is a cluster and keeps what it is told.

        Raises:
            ConfigurationError: when it may throw the limiter's state away.
        """
        try:
            facts: Any = await self._tried(self._client.info())
        except LimiterUnavailableError as error:
            if error.retryable or "Authentication" in str(error):
                raise
            facts = {}
        policy = str(facts.get("maxmemory_policy", "noeviction"))
        if facts.get("redis_mode") == "cluster":
            self._cluster = _cluster(self.url)
        if facts.get("maxmemory") and policy != "noeviction":
            raise ConfigurationError(
                f"this Redis may throw the limiter's state away (maxmemory-policy {policy}), and"
                " the limits with it; use one with maxmemory-policy noeviction"
            )
        self._has_checked = True

    async def _tried(self, asked: Awaitable[Any]) -> Any:
        from redis.exceptions import (
            AuthenticationError,
            RedisClusterException,
            RedisError,
            ResponseError,
        )

        try:
            return await asked
        except (RedisError, RedisClusterException, OSError) as error:
            passes = not isinstance(error, AuthenticationError | ResponseError)
            failure = type(error).__name__
        raise LimiterUnavailableError(
            f"the Redis of the shared limiter cannot be used ({failure}), and nothing was sent;"
            " start it or correct its URL, or pass on_unavailable=Share(processes)",
            retryable=passes,
        )


def _client(url: str) -> Any:
    try:
        from redis.asyncio import Redis
    except ImportError:
        missing = "the shared limiter needs redis: pip install 'posthog-env-async[redis]'"
        raise ConfigurationError(missing) from None
    wrong = "the limiter's url must be like redis://host:6379/0, rediss://… or unix://…"
    client: Any = Redis  # its methods are typed in part only
    try:
        return client.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            single_connection_client=True,
        )
    except ValueError:
        failed = ConfigurationError(wrong)
    raise failed


def _cluster(url: str) -> Any:
    from redis.asyncio.cluster import RedisCluster

    client: Any = RedisCluster
    return client.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)


def _micro(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _milli(seconds: float) -> int:
    return round(seconds * 1_000)
