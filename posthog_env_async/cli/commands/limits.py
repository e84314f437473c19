"""`posthog-env limits`: what each window has left."""

from collections.abc import Mapping

from cyclopts import App

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, print_message, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.units import window_name
from posthog_env_async.session import Limit, RateLimiter

__all__ = ["app", "limits"]

EXAMPLES = """Examples:

  posthog-env limits --sqlite /var/tmp/posthog-limits.db --limit 240/60
  posthog-env limits --redis redis://localhost          needs the extra redis"""
NONE = "no limits here: they apply on PostHog Cloud, or as given by --limit"
ALONE = (
    "counted in this process alone, which has sent nothing yet: --redis or --sqlite show what all"
    " processes that share them have used"
)
Left = Mapping[str, tuple[tuple[Limit, int], ...]]


app = App(name="limits", help_epilogue=epilogue(EXAMPLES))


@app.default
async def limits(
    *, output: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """Show what each window of the limits has left; a shared limiter knows what others used."""
    left = await _left(connection)
    rows = [
        (budget, limit.requests, window_name(limit.seconds), remaining)
        for budget, windows in left.items()
        for limit, remaining in windows
    ]
    if for_people(json=output.json):
        show_table(("budget", "requests", "a", "left"), rows)
    else:
        for row in rows:
            write_json(dict(zip(("budget", "requests", "window", "left"), row, strict=True)))
    if not output.quiet:
        _explain(connection, rows=len(rows))
    return OK


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
    if not connection.sharing.is_wanted:
        print_message(ALONE if rows else NONE)
