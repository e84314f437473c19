"""`posthog-env projects`: what the key can use."""

from cyclopts import App

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.stream import Columns, print_listing

__all__ = ["app", "projects"]

COLUMNS = Columns(
    (
        ("id", lambda project: project.id),
        ("name", lambda project: project.name),
        ("organization", lambda project: project.organization),
    )
)
EXAMPLES = """Examples:

  posthog-env projects
  posthog-env projects --json | jq -r .id"""

app = App(name="projects", help_epilogue=epilogue(EXAMPLES))


@app.default
async def projects(
    *, output: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """List the projects that the key can use."""
    async with connection.client(output) as env:
        return await print_listing(env.projects.list(), "project", COLUMNS, output)
