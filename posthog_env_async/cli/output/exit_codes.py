"""How a command ends: its exit code, and the one line that says why."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from posthog_env_async.errors import (
    APIConnectionError,
    AuthenticationError,
    CheckpointError,
    ConfigurationError,
    ExportError,
    PaginationError,
    PermissionDeniedError,
    PostHogError,
    QuotaExceededError,
    RateLimitError,
)

from .option_names import in_options

__all__ = [
    "FAILED",
    "INCOMPLETE",
    "INTERRUPTED",
    "OK",
    "TERMINATED",
    "THROTTLED",
    "USAGE",
    "Outcome",
    "outcome_of",
    "resume_time",
]

OK = 0
FAILED = 1
USAGE = 2
INCOMPLETE = 3
THROTTLED = 75
INTERRUPTED = 130
TERMINATED = 143

ADVICE: Mapping[type[PostHogError], str] = {
    AuthenticationError: (
        ": the key is wrong, revoked or of the other region: check POSTHOG_PERSONAL_API_KEY, and"
        " try --host us or --host eu"
    ),
    PermissionDeniedError: " (posthog-env doctor shows what the key may do)",
    QuotaExceededError: ": the organization's quota is used up",
}


@attrs.frozen
class Outcome:
    """An exit code and the line that goes with it."""

    code: int
    line: str


def outcome_of(error: PostHogError | OSError) -> Outcome:
    """Return how a command ends that met an error, with advice where there is some."""
    match error:
        case RateLimitError():
            return Outcome(THROTTLED, _throttled(error))
        case ConfigurationError() | CheckpointError() | PaginationError():
            return Outcome(_code_of(error), in_options(str(error)))
        case APIConnectionError(url=url) if url:
            return Outcome(
                FAILED, f"{in_options(str(error))} (posthog-env doctor checks host and key)"
            )
        case OSError(strerror=str() as text) if not isinstance(error, PostHogError):
            return Outcome(FAILED, text)
        case _:
            advice = next((text for kind, text in ADVICE.items() if isinstance(error, kind)), "")
            return Outcome(FAILED, f"{in_options(str(error))}{advice}")


def _code_of(error: PostHogError) -> int:
    if isinstance(error, PaginationError):
        return INCOMPLETE
    is_refused = not isinstance(error, ExportError) or error.errno is None
    return USAGE if is_refused else FAILED


def _throttled(error: RateLimitError) -> str:
    reason = str(error).partition("; raise Backoff.max_wait")[0]
    refusal = f"the server refused: {reason}" if error.sent else reason
    if error.retry_after is None:
        return f"{refusal}: try again later, or wait with --wait"
    return f"{refusal}: resume after {resume_time(error.retry_after)}, or wait with --wait"


def resume_time(seconds: float) -> str:
    """Return the local time in so many seconds, to the minute; with its day if not today."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds + 59)
    return f"{then:%H:%M %Z}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M %Z}"
