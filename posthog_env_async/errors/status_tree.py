"""The errors of an error status: a part of the tree that `tree` draws."""

from collections.abc import Mapping
from typing import Any, Self

from .tree import PostHogError

__all__ = [
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "EndpointNotAvailableError",
    "MissingScopeError",
    "NotFoundError",
    "PermissionDeniedError",
    "QueryTooExpensiveError",
    "QuotaExceededError",
    "RateLimitError",
    "ServerError",
]


class APIStatusError(PostHogError):
    """The server answered with an error status (docs/server.md, Errors).

    `code`, `type`, `detail`, `attr` and `extra` are the fields of PostHog's error body, empty where
    the body had none; `retry_after` is the wait in seconds that the server asked for; `url` has no
    query; `body` is at most 2 KB of the answer, without keys and e-mail addresses; `sent` is false
    when the client refused by itself, before anything went out.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        type: str = "",
        detail: str = "",
        attr: str | None = None,
        extra: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        method: str = "",
        url: str = "",
        attempts: int = 1,
        body: str = "",
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.sent = sent
        self.status = status
        self.code = code
        self.type = type
        self.detail = detail
        self.attr = attr
        self.extra = dict(extra or {})
        self.retry_after = retry_after
        self.request_id = request_id
        self.method = method
        self.url = url
        self.attempts = attempts
        self.body = body

    def seen_after(self, attempts: int) -> Self:
        """Say how many attempts were made, and return the same error."""
        self.attempts = attempts
        return self


class BadRequestError(APIStatusError):
    """400: the request is wrong as it stands."""


class AuthenticationError(APIStatusError):
    """401: the key is wrong, expired, or of the other region."""


class QuotaExceededError(APIStatusError):
    """402: the organization's quota is used up; trying again does not help."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this here."""


class MissingScopeError(PermissionDeniedError):
    """The key lacks `scope`; add it to the key in PostHog's settings."""

    def __init__(self, message: str, *, scope: str, status: int = 403, **fields: Any) -> None:
        super().__init__(message, status=status, **fields)
        self.scope = scope


class NotFoundError(APIStatusError):
    """404: no such object, or not in this project."""


class EndpointNotAvailableError(NotFoundError):
    """404 "Endpoint not found.": this server's version does not have the endpoint."""


class ConflictError(APIStatusError):
    """409: the object changed or exists already."""


class RateLimitError(APIStatusError):
    """429, or a wait of the client's own limit above `Backoff.max_wait`; see `retry_after`."""


class QueryTooExpensiveError(APIStatusError):
    """512 or 513: too slow or too large for the server as asked; ask for less at once."""


class ServerError(APIStatusError):
    """500 and above: the server or a proxy failed."""
