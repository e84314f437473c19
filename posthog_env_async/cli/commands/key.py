"""`posthog-env key`: what the key may do."""

from typing import Any

import attrs
from cyclopts import App

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK

__all__ = ["app", "key"]

EXAMPLES = """Examples:

  posthog-env key
  posthog-env key --json | jq -r '.scopes[]'"""

app = App(name="key", help_epilogue=epilogue(EXAMPLES))


@app.default
async def key(
    *, output: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """Show what the key may do: its label, its scopes, its projects; never the key itself."""
    async with connection.client(output) as env:
        info = await env.key()
    fields: dict[str, Any] = {
        name: value for name, value in attrs.asdict(info).items() if name != "extra"
    }
    if for_people(json=output.json):
        show_table(("field", "value"), fields.items())
    else:
        write_json(fields)
    return OK
