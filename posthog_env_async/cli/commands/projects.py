"""`posthog-env projects`: what the key can use."""

from cyclopts import App

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.stream import Columns, show_listing

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

app = App(name="projects", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def projects(*, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """List the projects that the key can use."""
    return await show_listing(options, "project", COLUMNS, lambda env: env.projects.list())
