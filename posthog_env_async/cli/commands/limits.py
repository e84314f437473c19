"""`posthog-env limits`: what each window has left."""

from collections.abc import Mapping

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, say, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.runner import run
from posthog_env_async.session import Limit, RateLimiter

__all__ = ["LIMITS_EXAMPLES", "limits", "window_name"]

LIMITS_EXAMPLES = """Examples:

  posthog-env limits --redis redis://localhost
  posthog-env limits --sqlite /var/tmp/posthog-limits.db --limit 240/60"""
NAMES = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86_400.0: "day"}
NONE = "no limits here: they apply on PostHog Cloud, or as given by --limit"
ALONE = (
    "counted in this process alone, which has sent nothing yet: --redis or --sqlite show what all"
    " processes that share them have used"
)
Left = Mapping[str, tuple[tuple[Limit, int], ...]]


def window_name(seconds: float) -> str:
    """Return what people call a window of so many seconds."""
    return NAMES.get(seconds, f"{seconds:g} s")


def limits(
    *, loudness: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """Show what each window of the limits has left; a shared limiter knows what others used."""

    async def job() -> int:
        left = await _left(connection)
        rows = [
            (budget, limit.requests, window_name(limit.seconds), remaining)
            for budget, windows in left.items()
            for limit, remaining in windows
        ]
        if for_people(json=loudness.json):
            show_table(("budget", "requests", "a", "left"), rows)
        else:
            for row in rows:
                write_json(dict(zip(("budget", "requests", "window", "left"), row, strict=True)))
        if not loudness.quiet:
            _explain(connection, rows=len(rows))
        return OK

    return run(job, quiet=loudness.quiet)


async def _left(connection: Connection) -> Left:
    key = connection.key()
    shared = connection.shared(key)
    if shared is not None:
        try:
            return await shared.left()
        finally:
            await shared.aclose()
    env = connection.described(key)
    limiter = env.limiter
    return limiter.left() if isinstance(limiter, RateLimiter) else {}


def _explain(connection: Connection, *, rows: int) -> None:
    if connection.redis is None and connection.sqlite is None:
        say(ALONE if rows else NONE)
