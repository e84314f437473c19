"""`posthog-env folders`: list, get, create, update, replace, delete."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import attrs
from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, say, show_table, write_json
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.runner import run
from posthog_env_async.cli.output.stream import Columns, stream
from posthog_env_async.client import PostHogEnv
from posthog_env_async.models import PersistedFolder
from posthog_env_async.resources import PersistedFolders

__all__ = [
    "COLUMNS",
    "create_folder",
    "delete_folder",
    "folders",
    "get_folder",
    "list_folders",
    "replace_folder",
    "update_folder",
]

COLUMNS = Columns(
    (
        ("id", lambda folder: folder.id),
        ("type", lambda folder: folder.type),
        ("protocol", lambda folder: folder.protocol),
        ("path", lambda folder: folder.path),
        ("updated", lambda folder: folder.updated_at),
    )
)
EXAMPLES = """Examples:

  posthog-env folders list
  posthog-env folders create pinned --path Marketing/Web
  posthog-env folders update 0197b1c2-0000-7000-8000-000000000001 --path Sales

A project has one folder of each type for each owner of a key: home, pinned, custom_products."""

folders = App(
    name="folders", help="The folders that the key's owner keeps.", help_epilogue=EXAMPLES
)

FolderID = Annotated[str, Parameter(help="The folder's UUID, from folders list.")]
FolderType = Annotated[str, Parameter(help="home, pinned, custom_products, …")]
TypeOption = Annotated[str | None, Parameter(name="--type", help="Another type.")]
Protocol = Annotated[str, Parameter(help="At most 64 characters.")]
SomeProtocol = Annotated[str | None, Parameter(help="At most 64 characters.")]
FolderPath = Annotated[str, Parameter(help="The place in the tree.")]
SomePath = Annotated[str | None, Parameter(help="The place in the tree.")]
Asked = Callable[[PersistedFolders], Awaitable[PersistedFolder]]


@folders.command(name="list")
def list_folders(
    *, loudness: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """List the folders by type."""

    async def job() -> int:
        async with connection.client() as env:
            return await stream(
                env.persisted_folders.list(),
                "folder",
                COLUMNS,
                json=loudness.json,
                quiet=loudness.quiet,
            )

    return run(job, quiet=loudness.quiet)


@folders.command(name="get")
def get_folder(
    id: FolderID,
    /,
    *,
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Get one folder."""
    return _one(lambda those: those.get(id), loudness, connection)


@folders.command(name="create")
def create_folder(
    type: FolderType,
    /,
    *,
    protocol: Protocol = "products://",
    path: FolderPath = "",
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Create the folder of a type, or overwrite all of it: to change a part use update."""
    return _one(
        lambda those: those.create(type, protocol=protocol, path=path), loudness, connection
    )


@folders.command(name="update")
def update_folder(
    id: FolderID,
    /,
    *,
    type: TypeOption = None,
    protocol: SomeProtocol = None,
    path: SomePath = None,
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Change the fields that are given, and leave the others."""
    return _one(
        lambda those: those.update(id, type=type, protocol=protocol, path=path),
        loudness,
        connection,
    )


@folders.command(name="replace")
def replace_folder(
    id: FolderID,
    type: FolderType,
    /,
    *,
    protocol: Protocol = "products://",
    path: FolderPath = "",
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Replace all fields of a folder."""
    return _one(
        lambda those: those.replace(id, type=type, protocol=protocol, path=path),
        loudness,
        connection,
    )


@folders.command(name="delete")
def delete_folder(
    id: FolderID,
    /,
    *,
    loudness: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Delete a folder."""

    async def job() -> int:
        async with connection.client() as env:
            await env.persisted_folders.delete(id)
        if not loudness.quiet:
            say(f"deleted {id}")
        return OK

    return run(job, quiet=loudness.quiet)


def _one(asked: Asked, loudness: OutputOptions, connection: Connection) -> int:
    async def job() -> int:
        async with connection.client() as env:
            folder = await asked(_of(env))
        if for_people(json=loudness.json):
            show_table(COLUMNS.titles(), [COLUMNS.row(folder)])
        else:
            write_json(_plain(folder))
        return OK

    return run(job, quiet=loudness.quiet)


def _of(env: PostHogEnv) -> PersistedFolders:
    return env.persisted_folders


def _plain(folder: PersistedFolder) -> dict[str, Any]:
    fields = attrs.asdict(folder)
    return {**fields.pop("extra"), **fields}
