"""`posthog-env folders`: list, get, create, update, replace, delete."""

from typing import Annotated

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import OK
from posthog_env_async.cli.output.stream import Columns, show_answer, show_listing

__all__ = [
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
    name="folders",
    help="The folders that the key's owner keeps.",
    help_epilogue=EXAMPLES + EXIT_CODES,
)

FolderID = Annotated[str, Parameter(help="The folder's UUID, from folders list.")]
FolderType = Annotated[str, Parameter(help="home, pinned, custom_products, …")]
TypeOption = Annotated[str | None, Parameter(name="--type", help="Another type.")]
Protocol = Annotated[str, Parameter(help="At most 64 characters.")]
SomeProtocol = Annotated[str | None, Parameter(help="At most 64 characters.")]
FolderPath = Annotated[str, Parameter(help="The place in the tree.")]
SomePath = Annotated[str | None, Parameter(help="The place in the tree.")]


@app.command(name="list")
async def list_folders(*, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """List the folders by type."""
    return await show_listing(options, "folder", COLUMNS, lambda env: env.persisted_folders.list())


@app.command(name="get")
async def get_folder(id: FolderID, /, *, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """Get one folder."""
    return await show_answer(options, COLUMNS, lambda env: env.persisted_folders.get(id))


@app.command(name="home")
async def home_folder(*, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """Show the home folder of newer servers, the successor of persisted folders."""
    return await show_answer(options, HOME, lambda env: env.persisted_folders.home())


@app.command(name="create")
async def create_folder(
    type: FolderType,
    /,
    *,
    protocol: Protocol = "products://",
    path: FolderPath = "",
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Create the folder of a type, or overwrite all of it: to change a part use update."""
    return await show_answer(
        options,
        COLUMNS,
        lambda env: env.persisted_folders.create(type, protocol=protocol, path=path),
    )


@app.command(name="update")
async def update_folder(
    id: FolderID,
    /,
    *,
    type: TypeOption = None,
    protocol: SomeProtocol = None,
    path: SomePath = None,
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Change the fields that are given, and leave the others."""
    return await show_answer(
        options,
        COLUMNS,
        lambda env: env.persisted_folders.update(id, type=type, protocol=protocol, path=path),
    )


@app.command(name="replace")
async def replace_folder(
    id: FolderID,
    type: FolderType,
    /,
    *,
    protocol: Protocol = "products://",
    path: FolderPath = "",
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Replace all fields of a folder."""
    return await show_answer(
        options,
        COLUMNS,
        lambda env: env.persisted_folders.replace(id, type=type, protocol=protocol, path=path),
    )


@app.command(name="delete")
async def delete_folder(id: FolderID, /, *, options: ClientOptions = DEFAULT_OPTIONS) -> int:
    """Delete a folder."""
    async with options.client() as env:
        await env.persisted_folders.delete(id)
    if not options.quiet:
        print_message(f"deleted {id}")
    return OK
