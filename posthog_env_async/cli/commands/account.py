"""`posthog-env projects` and `posthog-env key`: what the key can use, and what it may do."""

from typing import Any

import attrs

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.runner import run
from posthog_env_async.cli.output.stream import Columns, stream

__all__ = ["KEY_EXAMPLES", "PROJECTS_EXAMPLES", "key", "projects"]

COLUMNS = Columns(
    (
        ("id", lambda project: project.id),
        ("name", lambda project: project.name),
        ("organization", lambda project: project.organization),
    )
)
PROJECTS_EXAMPLES = """Examples:

  posthog-env projects
  posthog-env projects --json | jq -r .id"""
KEY_EXAMPLES = """Examples:

  posthog-env key
  posthog-env key --json | jq -r '.scopes[]'"""


def projects(
    *, loudness: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """List the projects that the key can use."""

    async def job() -> int:
        async with connection.client() as env:
            listing = env.projects.list()
            return await stream(
                listing, "project", COLUMNS, json=loudness.json, quiet=loudness.quiet
            )

    return run(job, quiet=loudness.quiet)


def key(
    *, loudness: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """Show what the key may do: its label, scopes, and where it is confined to; never the key."""

    async def job() -> int:
        async with connection.client() as env:
            info = await env.key()
        fields: dict[str, Any] = {
            name: value for name, value in attrs.asdict(info).items() if name != "extra"
        }
        if for_people(json=loudness.json):
            show_table(("field", "value"), fields.items())
        else:
            write_json(fields)
        return OK

    return run(job, quiet=loudness.quiet)
