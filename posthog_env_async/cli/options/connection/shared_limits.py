"""Limits that processes share, from the integrations; each is imported on use."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import attrs

from posthog_env_async.errors import ConfigurationError, PostHogWarning
from posthog_env_async.integrations.shared_limits.limiter import SharedLimiter
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits

__all__ = ["SharedLimiter", "Sharing"]

NO_LIMITS = "with --limit none there is no limit to share: leave --redis or --sqlite out"


@attrs.frozen
class Sharing:
    """Where processes share their limits: a Redis or a file of SQLite, or nowhere."""

    redis: str | None = attrs.field(repr=False)
    redis_file: Path | None
    sqlite: Path | None

    @property
    def is_wanted(self) -> bool:
        """Whether they share at all."""
        return self.sqlite is not None or self._redis_url() is not None

    def limiter(
        self, key: str, limits: Sequence[Limit] | None, *, are_given: bool
    ) -> SharedLimiter | None:
        """Return the limiter that is shared by all who use this key; without limits those of Cloud.

        Raises:
            ConfigurationError: for both at once, for no limits, or when the extra is missing.
        """
        url = self._redis_url()
        if url is None and self.sqlite is None:
            return None
        if (self.redis or self.redis_file) and self.sqlite is not None:
            raise ConfigurationError("give --redis or --sqlite, not both")
        if are_given and not limits:
            raise ConfigurationError(NO_LIMITS)
        shared = self._made(url, key, limits or CLOUD_LIMITS)
        if not are_given:
            note = f"without --limit those of PostHog Cloud apply: {shared.describe()}"
            warnings.warn(note, PostHogWarning, stacklevel=2)
        return shared

    def _made(self, url: str | None, key: str, limits: Sequence[Limit] | Limits) -> SharedLimiter:
        if self.sqlite is not None:
            return _in_sqlite(self.sqlite, key, limits)
        return _in_redis(url or "", key, limits)

    def _redis_url(self) -> str | None:
        if self.redis and self.redis_file:
            raise ConfigurationError("give --redis or --redis-file, not both")
        if self.redis_file is not None:
            return _url_in(self.redis_file)
        if self.redis is not None or self.sqlite is not None:
            return self.redis
        return os.environ.get("POSTHOG_REDIS_URL") or None


def _url_in(path: Path) -> str:
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"--redis-file: cannot read {path}: {reason}") from None
    if not url:
        raise ConfigurationError(f"--redis-file: {path} is empty")
    return url


def _in_sqlite(path: Path, key: str, limits: Sequence[Limit] | Limits) -> SharedLimiter:
    from posthog_env_async.integrations.sqlite import SQLiteLimiter

    return SQLiteLimiter.for_key(str(path), key, limits)


def _in_redis(url: str, key: str, limits: Sequence[Limit] | Limits) -> SharedLimiter:
    from posthog_env_async.integrations.redis import RedisLimiter

    return RedisLimiter.for_key(url, key, limits)
