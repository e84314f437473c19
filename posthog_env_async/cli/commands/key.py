"""`posthog-env key`: what the key may do."""

from typing import Any

import attrs
from cyclopts import App

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import for_people, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK

__all__ = ["app", "key"]

EXAMPLES = """Examples:

  posthog-env key
  posthog-env key --json | jq -r '.scopes[]'"""

app = App(name="key", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def key(*, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """Show what the key may do: its label, its scopes, its projects; never the key itself."""
    async with options.client() as env:
        info = await env.key()
    fields: dict[str, Any] = attrs.asdict(info, filter=lambda field, _: field.name != "extra")
    if for_people(json=options.json):
        show_table(("field", "value"), fields.items())
    else:
        write_json(fields)
    return OK
