"""The session layer: who is asking, how soon, whether to try again, and the sending itself."""

from .address import Address, check_own_host, project_text, quoted_path
from .api_key import APIKey, KeyFunction, KeySource, key_from_file
from .backoff import Backoff, RetryQuota, RetrySafety, is_too_large
from .call import Emitter
from .finish import finish
from .key_text import key_from_text, read_key_file
from .limits import (
    BUDGETS,
    CLOUD_LIMITS,
    MAX_BLOCK,
    Limit,
    Limiter,
    Limits,
    Permit,
    as_limits,
    describe,
    over_limit,
)
from .rate_limiter import RateLimiter, Window
from .redirects import Prefix, request_url
from .request import METHODS, Request, RequestCounter, Scopes, require_scopes
from .response import Decode, Headers, Response
from .session import Session
from .streaming import stream
from .validation import (
    check_settings,
    check_timeout,
    checked_headers,
    checked_prefix,
    limits_for,
)
from .wire import Transport

__all__ = [
    "BUDGETS",
    "CLOUD_LIMITS",
    "MAX_BLOCK",
    "METHODS",
    "APIKey",
    "Address",
    "Backoff",
    "Decode",
    "Emitter",
    "Headers",
    "KeyFunction",
    "KeySource",
    "Limit",
    "Limiter",
    "Limits",
    "Permit",
    "Prefix",
    "RateLimiter",
    "Request",
    "RequestCounter",
    "Response",
    "RetryQuota",
    "RetrySafety",
    "Scopes",
    "Session",
    "Transport",
    "Window",
    "as_limits",
    "check_own_host",
    "check_settings",
    "check_timeout",
    "checked_headers",
    "checked_prefix",
    "describe",
    "finish",
    "is_too_large",
    "key_from_file",
    "key_from_text",
    "limits_for",
    "over_limit",
    "project_text",
    "quoted_path",
    "read_key_file",
    "request_url",
    "require_scopes",
    "stream",
]
