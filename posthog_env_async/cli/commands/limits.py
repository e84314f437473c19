"""`posthog-env limits`: what each window has left."""

from collections.abc import Mapping
from contextlib import aclosing

from cyclopts import App

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.options.parsing import key_from
from posthog_env_async.cli.options.shared_limits import shared_limiter
from posthog_env_async.cli.output.console import for_people, print_message, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.wording import window_name
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

app = App(name="limits", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def limits(*, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """Show what each window of the limits has left; a shared limiter knows what others used."""
    left = await _left(options)
    rows = [
        (budget, limit.requests, window_name(limit.seconds), remaining)
        for budget, windows in left.items()
        for limit, remaining in windows
    ]
    if for_people(json=options.json):
        show_table(("budget", "requests", "a", "left"), rows)
    else:
        for row in rows:
            write_json(dict(zip(("budget", "requests", "window", "left"), row, strict=True)))
    if not (options.quiet or options.shares_limits):
        print_message(ALONE if rows else NONE)
    return OK


async def _left(options: ClientOptions) -> Left:
    key = key_from(options.key_file)
    if options.shares_limits:
        async with aclosing(shared_limiter(options, key)) as shared:
            return await shared.left()
    limiter = options.client_for(key).limiter
    return limiter.left() if isinstance(limiter, RateLimiter) else {}
