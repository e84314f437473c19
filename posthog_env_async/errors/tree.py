"""Every error and warning of the package.

PostHogError
├── APIConnectionError              no usable answer: refused, reset, cut, stalled
│   └── APITimeoutError
├── APIStatusError                  the server answered with an error status
│   ├── BadRequestError             400
│   ├── AuthenticationError         401
│   ├── QuotaExceededError          402
│   ├── PermissionDeniedError       403
│   │   └── MissingScopeError       the key lacks a scope
│   ├── NotFoundError               404
│   │   └── EndpointNotAvailableError   this server does not have the endpoint
│   ├── ConflictError               409
│   ├── RateLimitError              429, or the client's own limit
│   ├── QueryTooExpensiveError      512, 513
│   └── ServerError                 500 and above
├── ResponseDecodeError             an answer that is not what the endpoint promises
├── PaginationError                 a listing that cannot go on without losing rows
├── CheckpointError                 a token or checkpoint of something else
└── ConfigurationError              a value or a use that cannot work (also a ValueError)

PostHogWarning
├── APIDeprecationWarning           the server announces the end of an endpoint
└── TruncatedCSVWarning             the server's CSV stops where the server cuts it
"""

from collections.abc import Mapping
from typing import Any, Self

__all__ = [
    "APIConnectionError",
    "APIDeprecationWarning",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CheckpointError",
    "ConfigurationError",
    "ConflictError",
    "EndpointNotAvailableError",
    "MissingScopeError",
    "NotFoundError",
    "PaginationError",
    "PermissionDeniedError",
    "PostHogError",
    "PostHogWarning",
    "QueryTooExpensiveError",
    "QuotaExceededError",
    "RateLimitError",
    "ResponseDecodeError",
    "ServerError",
    "TruncatedCSVWarning",
]


class PostHogError(Exception):
    """Any failure that this package raises.

    `resume_token` is set on an error raised while a listing is iterated: `listing.resume(token)`
    goes on right after the last item that was yielded.
    """

    resume_token: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args), self.__dict__


def _rebuilt(kind: type[PostHogError], args: tuple[Any, ...]) -> PostHogError:
    return kind.__new__(kind, *args)


class APIConnectionError(PostHogError):
    """No usable answer came: nothing listened, or the exchange broke, or the body was cut.

    `outcome_unknown` is true when the request may have reached the server before the failure;
    `retryable` is false when trying again cannot help, as with an untrusted certificate.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        url: str = "",
        attempts: int = 0,
        outcome_unknown: bool = False,
        retryable: bool = True,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.attempts = attempts
        self.outcome_unknown = outcome_unknown
        self.retryable = retryable

    def seen_after(self, attempts: int) -> Self:
        """Say how many attempts were made, and return the same error."""
        self.attempts = attempts
        return self


class APITimeoutError(APIConnectionError):
    """The answer did not come, or not fast enough, within `timeout` seconds."""


class APIStatusError(PostHogError):
    """The server answered with an error status (docs/server.md, Errors).

    `code`, `type`, `detail`, `attr` and `extra` are the fields of PostHog's error body, empty where
    the body had none; `retry_after` is the wait in seconds that the server asked for; `url` has no
    query; `body` is at most 2 KB of the answer, without keys and e-mail addresses.
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
    ) -> None:
        super().__init__(message)
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


class ResponseDecodeError(PostHogError):
    """An answer is not what the endpoint promises; names the field's path, never its value.

    `retryable` is true when the body is no JSON at all, as one that was cut: a read is tried again.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class PaginationError(PostHogError):
    """A listing cannot go on without losing, doubling or repeating rows."""


class CheckpointError(PostHogError):
    """A resume token or checkpoint is damaged or belongs to something else."""


class ConfigurationError(PostHogError, ValueError):
    """A value or a way of use that cannot work; says what to do instead."""


class PostHogWarning(UserWarning):
    """Any warning of this package."""


class APIDeprecationWarning(PostHogWarning):
    """The server announces the end of an endpoint by `Deprecation` and `Sunset`.

    See docs/server.md, Prefixes.
    """


class TruncatedCSVWarning(PostHogWarning):
    """A CSV answer has as many rows as the server cuts at (docs/server.md, CSV)."""
