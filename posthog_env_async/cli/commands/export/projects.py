"""Which projects an export reads."""

from posthog_env_async.cli.options.connection.projects import projects_in
from posthog_env_async.cli.options.export import Reading
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError, NotFoundError, PermissionDeniedError

__all__ = ["projects_of"]


async def projects_of(env: PostHogEnv, named: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """Return the projects that are named, or all that the key can use.

    Raises:
        ConfigurationError: when both are asked for, or no project is named.
    """
    if not reading.all_projects:
        return projects_in(named) or (env.project_id,)
    if named:
        raise ConfigurationError("give --project or --all-projects, not both")
    return await _all_projects(env)


async def _all_projects(env: PostHogEnv) -> tuple[str, ...]:
    try:
        return tuple([str(project.id) async for project in env.projects.list()])
    except (PermissionDeniedError, NotFoundError):
        # A key that is confined to projects may not list them (docs/server.md, authentication).
        confined = (await env.key()).scoped_teams
        if not confined:
            raise
    return tuple(map(str, confined))
