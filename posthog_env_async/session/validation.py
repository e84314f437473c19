"""A client's settings, checked before anything is opened."""

import ssl as tls
from collections.abc import Sequence
from typing import Literal

from posthog_env_async.errors import ConfigurationError

from .address import Address
from .limits import CLOUD_LIMITS, Limit, Limits, as_limits

__all__ = ["check_settings", "limits_for"]

PREFIXES = ("environments", "projects")


def check_settings(*, prefix: str, timeout: float, ssl: object, **counts: int) -> None:
    """Check settings of a client.

    Raises:
        ConfigurationError: naming the first that cannot work.
    """
    if prefix not in PREFIXES:
        raise ConfigurationError("prefix must be 'environments' or 'projects'")
    if not timeout > 0:
        raise ConfigurationError("timeout must be more than 0 seconds")
    for name, count in counts.items():
        if count < 1:
            raise ConfigurationError(f"{name} must be 1 or more")
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise ConfigurationError(
            "ssl must be an ssl.SSLContext that trusts your server's certificate"
        )


def limits_for(
    address: Address, limits: Limits | Sequence[Limit] | Literal["auto"] | None
) -> Limits:
    """Return limits as budgets; `"auto"` is what Cloud publishes, and none elsewhere."""
    if limits == "auto":
        return CLOUD_LIMITS if address.is_cloud else as_limits(None)
    return as_limits(limits)
