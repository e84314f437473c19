"""Every error and warning of the package; those of a status are in `status_tree`.

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
├── ConfigurationError              a value or a use that cannot work (also a ValueError)
├── ClientClosedError               the client is closed, or not open yet
├── LimiterUnavailableError         the store of a shared limiter cannot be reached
└── ExportError                     a file cannot be written or published (also an OSError)
    └── FileLockedError             another export writes the same file

For one release the last four are also what was raised in their place before: ClientClosedError
and ExportError a ConfigurationError, FileLockedError a CheckpointError, LimiterUnavailableError
an APIConnectionError.

PostHogWarning
├── APIDeprecationWarning           the server announces the end of an endpoint
├── PartialDistinctIdsWarning       a person may have more distinct ids than are shown
├── ExportWarning                   what an export cannot assure on this file system
└── TruncatedCSVWarning             the server's CSV stops where the server cuts it
"""

from typing import Any, Self

__all__ = [
    "APIConnectionError",
    "APIDeprecationWarning",
    "APITimeoutError",
    "CheckpointError",
    "ClientClosedError",
    "ConfigurationError",
    "ExportError",
    "ExportWarning",
    "FileLockedError",
    "LimiterUnavailableError",
    "PaginationError",
    "PartialDistinctIdsWarning",
    "PostHogError",
    "PostHogWarning",
    "ResponseDecodeError",
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

    `may_have_been_processed` is true when the request may have reached the server before the
    failure; `outcome_unknown` is its old name. `retryable` is false when trying again cannot help,
    as with an untrusted certificate. `sent` is false when no attempt was begun. `too_large` is true
    when the body was above the client's `max_response_bytes`.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        url: str = "",
        attempts: int = 0,
        may_have_been_processed: bool = False,
        outcome_unknown: bool = False,
        retryable: bool = True,
        sent: bool = True,
        too_large: bool = False,
    ) -> None:
        super().__init__(message)
        self.too_large = too_large
        self.method = method
        self.url = url
        self.attempts = attempts
        self.sent = sent
        self.may_have_been_processed = may_have_been_processed or outcome_unknown
        self.retryable = retryable

    @property
    def outcome_unknown(self) -> bool:
        """The old name of `may_have_been_processed`."""
        return self.may_have_been_processed

    def seen_after(self, attempts: int) -> Self:
        """Say how many attempts were made, and return the same error."""
        self.attempts = attempts
        return self


class APITimeoutError(APIConnectionError):
    """The answer did not come, or not fast enough, within `timeout` seconds."""


class ResponseDecodeError(PostHogError):
    """An answer is not what the endpoint promises; names the field's path, never its value.

    `retryable` is true when the body is not JSON at all, as one that was cut: a read is retried.
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


class ClientClosedError(ConfigurationError):
    """The client is closed, or was not opened yet: nothing was sent."""


class LimiterUnavailableError(APIConnectionError):
    """The store of a shared limiter cannot be reached, and no `Share` says how to go on."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message, retryable=retryable, sent=False)


class ExportError(ConfigurationError, OSError):
    """A file of an export cannot be written, read back or published.

    `errno` is the system's number of the failure, `None` where the refusal is our own.
    """

    def __new__(cls, message: str, *, errno: int | None = None) -> Self:  # noqa: D102
        # ValueError has a __new__ of its own, which does not prepare the fields of an OSError.
        return OSError.__new__(cls, message)

    def __init__(self, message: str, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args), {**self.__dict__, "errno": self.errno}


class FileLockedError(ExportError, CheckpointError):
    """Another export writes the same file now."""


class PostHogWarning(UserWarning):
    """Any warning of this package."""


class APIDeprecationWarning(PostHogWarning):
    """The server announces the end of an endpoint by `Deprecation` and `Sunset`.

    See docs/server.md, Prefixes.
    """


class PartialDistinctIdsWarning(PostHogWarning):
    """A person shows as many distinct ids as the answer can hold: it may have more.

    That is 10 in a look-up and 1,000 in a list; `persons.get(uuid)` shows all of them.
    """


class ExportWarning(PostHogWarning):
    """An export goes on without something that its file system does not have, such as locks."""


class TruncatedCSVWarning(PostHogWarning):
    """A CSV answer has as many rows as the server cuts at (docs/server.md, CSV)."""
