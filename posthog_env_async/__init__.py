"""The async client that gets data out of a PostHog environment: typed, streaming, complete.

Each public name is loaded when it is first used, so that what needs only a part of the package
starts at once, such as the command line's help. `__init__.pyi` tells type checkers the same names.
"""

# pyright: reportUnsupportedDunderAll=false
from importlib import import_module
from typing import Any

from ._version import __version__

__all__ = [
    "APIConnectionError",
    "APIDeprecationWarning",
    "APIKeyInfo",
    "APIStatusError",
    "APITimeoutError",
    "ActivityEntry",
    "AuthenticationError",
    "Backoff",
    "BadRequestError",
    "CheckpointError",
    "ClientClosedError",
    "Cohort",
    "ConfigurationError",
    "ConflictError",
    "CursorListing",
    "DeletionError",
    "DeletionStatus",
    "DeletionSummary",
    "EndpointNotAvailableError",
    "ExportError",
    "ExportWarning",
    "FileLockedError",
    "FilterType",
    "HomeFolder",
    "InsightAnswer",
    "InsightType",
    "Limit",
    "LimiterUnavailableError",
    "Limits",
    "Listing",
    "ListingReport",
    "ListingRun",
    "LogAttribute",
    "LogAttributeValue",
    "LogBucket",
    "LogEntry",
    "LogLevel",
    "LogService",
    "MissingScopeError",
    "NotFoundError",
    "Operator",
    "Page",
    "PaginationError",
    "PartialDistinctIdsWarning",
    "PermissionDeniedError",
    "PersistedFolder",
    "Person",
    "PersonDeletion",
    "PostHogEnv",
    "PostHogError",
    "PostHogWarning",
    "Project",
    "PropertyFilter",
    "PropertyValue",
    "QueryTooExpensiveError",
    "QuotaExceededError",
    "RateLimitError",
    "Response",
    "ResponseDecodeError",
    "ServerError",
    "TruncatedCSVWarning",
    "__version__",
    "key_from_file",
]

_NAMES = {
    "client": ("PostHogEnv",),
    "errors": (
        "APIConnectionError",
        "APIDeprecationWarning",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "BadRequestError",
        "CheckpointError",
        "ClientClosedError",
        "ConfigurationError",
        "ConflictError",
        "EndpointNotAvailableError",
        "ExportError",
        "ExportWarning",
        "FileLockedError",
        "LimiterUnavailableError",
        "MissingScopeError",
        "NotFoundError",
        "PaginationError",
        "PartialDistinctIdsWarning",
        "PermissionDeniedError",
        "PostHogError",
        "PostHogWarning",
        "QueryTooExpensiveError",
        "QuotaExceededError",
        "RateLimitError",
        "ResponseDecodeError",
        "ServerError",
        "TruncatedCSVWarning",
    ),
    "models": (
        "ActivityEntry",
        "APIKeyInfo",
        "Cohort",
        "DeletionError",
        "DeletionStatus",
        "DeletionSummary",
        "FilterType",
        "HomeFolder",
        "InsightAnswer",
        "InsightType",
        "LogAttribute",
        "LogAttributeValue",
        "LogBucket",
        "LogEntry",
        "LogLevel",
        "LogService",
        "Operator",
        "PersistedFolder",
        "Person",
        "PersonDeletion",
        "Project",
        "PropertyFilter",
        "PropertyValue",
    ),
    "pagination": (
        "CursorListing",
        "Listing",
        "ListingReport",
        "ListingRun",
        "Page",
    ),
    "session": (
        "Backoff",
        "Limit",
        "Limits",
        "Response",
        "key_from_file",
    ),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name, or a module of the package, when it is first asked for."""
    if name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    if name in _NAMES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_NAMES})
