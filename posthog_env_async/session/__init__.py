"""The session layer: who is asking, how soon, whether to try again, and the sending itself."""

from .address import Address, project_text, quoted_path
from .api_key import APIKey, Scopes, require_scopes
from .backoff import Backoff, Repeat, RetryQuota, smaller_may_do
from .limits import CLOUD_LIMITS, Limit, Limiter, Limits, RateLimiter, Window, as_limits, over_limit
from .request import Call, Meter, query_text
from .session import Session
from .transport import Pool
from .validation import check_settings, limits_for

__all__ = [
    "CLOUD_LIMITS",
    "APIKey",
    "Address",
    "Backoff",
    "Call",
    "Limit",
    "Limiter",
    "Limits",
    "Meter",
    "Pool",
    "RateLimiter",
    "Repeat",
    "RetryQuota",
    "Scopes",
    "Session",
    "Window",
    "as_limits",
    "check_settings",
    "limits_for",
    "over_limit",
    "project_text",
    "query_text",
    "quoted_path",
    "require_scopes",
    "smaller_may_do",
]
