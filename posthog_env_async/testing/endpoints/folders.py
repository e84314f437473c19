"""The persisted_folder endpoints (docs/server.md, Persisted folders)."""

from __future__ import annotations

from typing import Any

from posthog_env_async.testing.data.folders_store import Folder, FolderStore
from posthog_env_async.testing.http.errors import invalid, not_found, server_error
from posthog_env_async.testing.http.pages import standard_page
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.server_state import Installation

__all__ = [
    "create_folder",
    "delete_folder",
    "get_folder",
    "get_home_folder",
    "list_folders",
    "replace_folder",
    "update_folder",
]

TYPES = ("home", "pinned", "custom_products")
OLD_TYPES = ("home", "pinned")
DEFAULTS = {"protocol": "products://", "path": ""}
PROTOCOL_LENGTH = 64


async def list_folders(site: Installation, call: Request) -> Response:
    """Answer the folders of the key's owner."""
    return standard_page(
        call, [folder.row() for folder in _store(site, call).of_user(call.key.user)]
    )


async def create_folder(site: Installation, call: Request) -> Response:
    """Create or overwrite: what is left out falls back to its default; always 201."""
    fields = _validated(site, call, complete=True)
    folder = _store(site, call).upsert(call.key.user, **(DEFAULTS | fields))
    return json_answer(folder.row(), status=201)


async def get_folder(site: Installation, call: Request) -> Response:
    """Answer one folder."""
    return json_answer(_found(site, call).row())


async def update_folder(site: Installation, call: Request) -> Response:
    """Change what is given; a type that is taken breaks the database's constraint: 500."""
    return _changed(site, call, complete=False)


async def replace_folder(site: Installation, call: Request) -> Response:
    """Do as PATCH, but ask for the type."""
    return _changed(site, call, complete=True)


async def delete_folder(site: Installation, call: Request) -> Response:
    """Remove a folder."""
    _store(site, call).delete(_found(site, call))
    return Response(204)


async def get_home_folder(site: Installation, call: Request) -> Response:
    """Answer the successor of persisted folders: the same each time, and nothing to send."""
    store = _store(site, call)
    return json_answer({"id": str(store.home_id(call.key.user)), "path": store.home_path})


def _store(site: Installation, call: Request) -> FolderStore:
    return site.projects[call.project].folders


def _found(site: Installation, call: Request) -> Folder:
    folder = _store(site, call).find(call.key.user, call.item)
    if folder is None:
        raise not_found()
    return folder


def _changed(site: Installation, call: Request, *, complete: bool) -> Response:
    folder = _found(site, call)
    fields = _validated(site, call, complete=complete)
    store = _store(site, call)
    if store.clashes(folder, fields.get("type", folder.type)):
        raise server_error()
    return json_answer(store.change(folder, fields).row())


def _validated(site: Installation, call: Request, *, complete: bool) -> dict[str, str]:
    given = call.fields()
    if complete and "type" not in given:
        raise invalid("required", "This field is required.", attr="type")
    types = OLD_TYPES if site.settings.version == "old" else TYPES
    fields: dict[str, str] = {}
    for name in ("type", "protocol", "path"):
        if name in given:
            fields[name] = _text(name, given[name])
    if "type" in fields and fields["type"] not in types:
        detail = f'"{fields["type"]}" is not a valid choice.'
        raise invalid("invalid_choice", detail, attr="type")
    if len(fields.get("protocol", "")) > PROTOCOL_LENGTH:
        detail = f"Ensure this field has no more than {PROTOCOL_LENGTH} characters."
        raise invalid("max_length", detail, attr="protocol")
    return fields


def _text(name: str, value: Any) -> str:
    if value is None:
        raise invalid("null", "This field may not be null.", attr=name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise invalid("invalid_input", "Not a valid string.", attr=name)
    if name == "protocol" and value == "":
        raise invalid("blank", "This field may not be blank.", attr=name)
    return str(value)
