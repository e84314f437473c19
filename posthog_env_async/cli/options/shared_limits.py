"""Limits that processes share, from the integrations; each is imported on use."""

from collections.abc import Sequence
from pathlib import Path

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.integrations.shared_limits.limiter import SharedLimiter
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits

__all__ = ["SharedLimiter", "shared_limiter"]


def shared_limiter(
    key: str, limits: Sequence[Limit] | None, redis: str | None, sqlite: Path | None
) -> SharedLimiter | None:
    """Return the limiter that is shared by all who use this key; without limits those of Cloud.

    Raises:
        ConfigurationError: for both at once, or when the extra is missing.
    """
    if redis is None and sqlite is None:
        return None
    if redis is not None and sqlite is not None:
        raise ConfigurationError("give --redis or --sqlite, not both")
    if redis is not None:
        return _in_redis(redis, key, limits or CLOUD_LIMITS)
    from posthog_env_async.integrations.sqlite import SQLiteLimiter

    return SQLiteLimiter.for_key(str(sqlite), key, limits or CLOUD_LIMITS)


def _in_redis(url: str, key: str, limits: Sequence[Limit] | Limits) -> SharedLimiter:
    from posthog_env_async.integrations.redis import RedisLimiter

    return RedisLimiter.for_key(url, key, limits)
