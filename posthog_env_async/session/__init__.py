"""The session layer: who is asking, how soon, whether to try again, and the sending itself."""

from .address import Address, project_text, quoted_path
from .api_key import APIKey, Scopes, require_scopes
from .backoff import Backoff, RetryQuota, RetrySafety, is_too_large
from .limits import CLOUD_LIMITS, Limit, Limiter, Limits, RateLimiter, Window, as_limits, over_limit
from .request import Request, RequestCounter, query_text
from .session import Session
from .transport import Transport
from .validation import check_settings, limits_for

__all__ = [
    "CLOUD_LIMITS",
    "APIKey",
    "Address",
    "Backoff",
    "Limit",
    "Limiter",
    "Limits",
    "RateLimiter",
    "Request",
    "RequestCounter",
    "RetryQuota",
    "RetrySafety",
    "Scopes",
    "Session",
    "Transport",
    "Window",
    "as_limits",
    "check_settings",
    "is_too_large",
    "limits_for",
    "over_limit",
    "project_text",
    "query_text",
    "quoted_path",
    "require_scopes",
]
