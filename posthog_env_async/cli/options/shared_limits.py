"""Limits that processes share, through a Redis or a file of SQLite."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from posthog_env_async.errors import ConfigurationError, PostHogWarning
from posthog_env_async.integrations.shared_limits.limiter import SharedLimiter
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits

from .connection import ClientOptions
from .parsing import limits_of

__all__ = ["shared_limiter"]


def shared_limiter(options: ClientOptions, key: str) -> SharedLimiter:
    """Return the limiter that is shared by all who use this key; without limits those of Cloud.

    Raises:
        ConfigurationError: for two at once, for no limits, or when the extra is missing.
    """
    limits, redis, file = limits_of(options.limit), options.redis, options.redis_file
    if redis and file:
        raise ConfigurationError("give --redis or --redis-file, not both")
    if (redis or file) and options.sqlite is not None:
        raise ConfigurationError("give --redis or --sqlite, not both")
    if not limits:
        raise ConfigurationError(
            "with --limit none there is no limit to share: leave --redis or --sqlite out"
        )
    url = os.environ.get("POSTHOG_REDIS_URL", "") if redis is None else redis
    if file is not None:
        url = _url_in(file)
    shared = _limiter(url, options.sqlite, key, CLOUD_LIMITS if limits == "auto" else limits)
    if limits == "auto":
        note = f"without --limit those of PostHog Cloud apply: {shared.describe()}"
        warnings.warn(note, PostHogWarning, stacklevel=2)
    return shared


def _url_in(path: Path) -> str:
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"--redis-file: cannot read {path}: {reason}") from None
    if not url:
        raise ConfigurationError(f"--redis-file: {path} is empty")
    return url


def _limiter(
    url: str, file: Path | None, key: str, limits: Sequence[Limit] | Limits
) -> SharedLimiter:
    """Return the limiter; each integration is imported on use."""
    if file is not None:
        from posthog_env_async.integrations.sqlite import SQLiteLimiter

        return SQLiteLimiter.for_key(str(file), key, limits)
    from posthog_env_async.integrations.redis import RedisLimiter

    return RedisLimiter.for_key(url, key, limits)
