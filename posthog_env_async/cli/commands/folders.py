"""`posthog-env folders`: list, get, create, update, replace, delete."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.stream import Columns, print_listing, print_models
from posthog_env_async.client import PostHogEnv
from posthog_env_async.models import PersistedFolder
from posthog_env_async.resources import PersistedFolders

__all__ = [
    "COLUMNS",
    "app",
    "create_folder",
    "delete_folder",
    "get_folder",
    "home_folder",
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
    ),
    wide={"protocol", "updated"},
)
HOME = Columns((("id", lambda home: home.id), ("path", lambda home: home.path)))
EXAMPLES = """Examples:

  posthog-env folders list
  posthog-env folders create pinned --path Marketing/Web
  posthog-env folders update 0197b1c2-0000-7000-8000-000000000001 --path Sales

A project has one folder of each type for each owner of a key: home, pinned, custom_products."""

app = App(
    name="folders", help="The folders that the key's owner keeps.", help_epilogue=epilogue(EXAMPLES)
)

FolderID = Annotated[str, Parameter(help="The folder's UUID, from folders list.")]
FolderType = Annotated[str, Parameter(help="home, pinned, custom_products, …")]
TypeOption = Annotated[str | None, Parameter(name="--type", help="Another type.")]
Protocol = Annotated[str, Parameter(help="At most 64 characters.")]
SomeProtocol = Annotated[str | None, Parameter(help="At most 64 characters.")]
FolderPath = Annotated[str, Parameter(help="The place in the tree.")]
SomePath = Annotated[str | None, Parameter(help="The place in the tree.")]
Asked = Callable[[PersistedFolders], Awaitable[PersistedFolder]]


@app.command(name="list")
async def list_folders(
    *, output: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """List the folders by type."""
    async with connection.client(output) as env:
        return await print_listing(env.persisted_folders.list(), "folder", COLUMNS, output)


@app.command(name="get")
async def get_folder(
    id: FolderID,
    /,
    *,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Get one folder."""
    return await _one(lambda those: those.get(id), output, connection)


@app.command(name="home")
async def home_folder(
    *, output: OutputOptions = DEFAULT_OUTPUT, connection: Connection = DEFAULT_CONNECTION
) -> int:
    """Show the home folder of newer servers, the successor of persisted folders."""
    async with connection.client(output) as env:
        home = await env.persisted_folders.home()
    return print_models([home], HOME, output)


@app.command(name="create")
async def create_folder(
    type: FolderType,
    /,
    *,
    protocol: Protocol = "products://",
    path: FolderPath = "",
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Create the folder of a type, or overwrite all of it: to change a part use update."""
    return await _one(
        lambda those: those.create(type, protocol=protocol, path=path), output, connection
    )


@app.command(name="update")
async def update_folder(
    id: FolderID,
    /,
    *,
    type: TypeOption = None,
    protocol: SomeProtocol = None,
    path: SomePath = None,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Change the fields that are given, and leave the others."""
    return await _one(
        lambda those: those.update(id, type=type, protocol=protocol, path=path),
        output,
        connection,
    )


@app.command(name="replace")
async def replace_folder(
    id: FolderID,
    type: FolderType,
    /,
    *,
    protocol: Protocol = "products://",
    path: FolderPath = "",
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Replace all fields of a folder."""
    return await _one(
        lambda those: those.replace(id, type=type, protocol=protocol, path=path),
        output,
        connection,
    )


@app.command(name="delete")
async def delete_folder(
    id: FolderID,
    /,
    *,
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Delete a folder."""
    async with connection.client(output) as env:
        await env.persisted_folders.delete(id)
    if not output.quiet:
        print_message(f"deleted {id}")
    return OK


async def _one(asked: Asked, output: OutputOptions, connection: Connection) -> int:
    async with connection.client(output) as env:
        folder = await asked(_of(env))
    return print_models([folder], COLUMNS, output)


def _of(env: PostHogEnv) -> PersistedFolders:
    return env.persisted_folders
