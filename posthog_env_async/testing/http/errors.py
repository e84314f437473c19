"""The error bodies of PostHog (docs/server.md, Authentication and Errors), ready to be raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .response import RefusedError, Response, json_answer

__all__ = [
    "default_error",
    "endpoint_not_found",
    "hog",
    "invalid",
    "method_not_allowed",
    "not_found",
    "permission_denied",
    "server_error",
]

KINDS: Mapping[int, tuple[str, str, str]] = {
    400: ("validation_error", "invalid_input", "Invalid input."),
    401: (
        "authentication_error",
        "authentication_failed",
        "Personal API key found in request Authorization header is invalid.",
    ),
    402: ("quota_limit_exceeded", "payment_required", "You have exceeded your quota."),
    403: (
        "authentication_error",
        "permission_denied",
        "You do not have viewer access to this resource.",
    ),
    404: ("invalid_request", "not_found", "Not found."),
    405: ("invalid_request", "method_not_allowed", 'Method "PUT" not allowed.'),
    409: ("invalid_request", "conflict", "Conflict."),
    415: ("invalid_request", "unsupported_media_type", "Unsupported media type in request."),
    429: ("throttled_error", "throttled", "Request was throttled."),
    503: ("server_error", "error", "Queries are a little too busy right now. Try again."),
    504: ("server_error", "error", "Query has hit the max execution time before completing."),
    512: ("server_error", "estimated_query_execution_time_too_long", "Query is too slow."),
    513: ("server_error", "clickhouse_memory_limit_exceeded", "Query exceeds memory limits."),
}
OTHERS = ("server_error", "error", "A server error occurred.")


def hog(
    status: int,
    kind: str,
    code: str,
    detail: str,
    *,
    attr: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> RefusedError:
    """Build the standard error of drf-exceptions-hog (docs/server.md, Errors)."""
    body: dict[str, Any] = {"type": kind, "code": code, "detail": detail, "attr": attr}
    return RefusedError(json_answer(body, status=status, headers=headers))


def default_error(status: int) -> Response:
    """Give the body that PostHog most likely sends with a status."""
    kind, code, detail = KINDS.get(status, OTHERS)
    return hog(status, kind, code, detail).answer


def endpoint_not_found() -> RefusedError:
    """Refuse a route that does not exist (docs/server.md, Prefixes)."""
    return hog(404, "invalid_request", "not_found", "Endpoint not found.")


def invalid(code: str, detail: str, *, attr: str | None = None) -> RefusedError:
    """Refuse a value that fails validation."""
    return hog(400, "validation_error", code, detail, attr=attr)


def method_not_allowed(method: str, detail: str | None = None) -> RefusedError:
    """Refuse a method that the route does not have."""
    text = detail or f'Method "{method}" not allowed.'
    return hog(405, "invalid_request", "method_not_allowed", text)


def not_found(detail: str = "Not found.") -> RefusedError:
    """Refuse an object that is not there, or belongs to somebody else."""
    return hog(404, "invalid_request", "not_found", detail)


def permission_denied(detail: str) -> RefusedError:
    """Refuse with a 403, whose type is `authentication_error` (docs/server.md, Authentication)."""
    return hog(403, "authentication_error", "permission_denied", detail)


def server_error() -> RefusedError:
    """Refuse as Django does when the view crashes: also for many mistakes of the caller."""
    return RefusedError(default_error(500))
