"""Persisted folders: list, get, create, update, replace, delete."""

from typing import Any, Unpack
from uuid import UUID

import attrs

from posthog_env_async.errors import ConfigurationError, NotFoundError
from posthog_env_async.models import FOLDER_ROWS, HOME_ROWS, HomeFolder, PersistedFolder
from posthog_env_async.pagination import Listing
from posthog_env_async.session import Request, RequestCounter, RetrySafety

from .project_scope import Paging, ProjectScope

__all__ = ["PersistedFolders"]

PATH = "persisted_folder/"
READ = ("persisted_folder:read",)
WRITE = ("persisted_folder:write",)
MAX_PROTOCOL = 64
HOME_PATH = "file_system/home_folder/"
HOME_SINCE = "Servers from mid-2026 on have it; older ones have persisted_folders.list()."
AVAILABILITY = (
    "Servers of May 2025 to mid-2026 have persisted folders; later ones have"
    " file_system/home_folder/ instead."
)


@attrs.frozen
class PersistedFolders:
    """The folders that the key's owner keeps in a project (docs/server.md, Persisted folders)."""

    _project: ProjectScope

    def list(self, **paging: Unpack[Paging]) -> Listing[PersistedFolder]:
        """List the folders by type; needs `persisted_folder:read`.

        `page_size` (100), `offset`, `max_items` and `prefetch` are those of `persons.list`.
        """
        request = self._request(PATH, scope=READ)
        return self._project.listing(request, FOLDER_ROWS, **paging)

    async def get(self, id: UUID | str) -> PersistedFolder:
        """Get one folder; needs `persisted_folder:read`."""
        return await self._fetch(self._request(_folder_path(id), scope=READ))

    async def create(
        self, type: str, *, protocol: str = "products://", path: str = ""
    ) -> PersistedFolder:
        """Create the folder of a type, or overwrite it: there is one a type.

        An existing one keeps its id and takes `protocol` and `path` as given here, also where they
        are left out; to change one of them use `update`. Every field is sent, so that sending it
        twice does no harm. Needs `persisted_folder:write`.
        """
        body = _fields(type=type, protocol=protocol, path=path)
        return await self._fetch(
            self._request(PATH, method="POST", json=body, retry=RetrySafety.SAFE)
        )

    async def update(
        self,
        id: UUID | str,
        *,
        type: str | None = None,
        protocol: str | None = None,
        path: str | None = None,
    ) -> PersistedFolder:
        """Change the fields that are given and leave the others; needs `persisted_folder:write`."""
        given = {"type": type, "protocol": protocol, "path": path}
        body = _fields(**{name: value for name, value in given.items() if value is not None})
        return await self._fetch(self._request(_folder_path(id), method="PATCH", json=body))

    async def replace(
        self, id: UUID | str, *, type: str, protocol: str = "products://", path: str = ""
    ) -> PersistedFolder:
        """Replace all fields of a folder; needs `persisted_folder:write`."""
        body = _fields(type=type, protocol=protocol, path=path)
        return await self._fetch(self._request(_folder_path(id), method="PUT", json=body))

    async def delete(self, id: UUID | str) -> None:
        """Delete a folder; needs `persisted_folder:write`.

        Raises:
            NotFoundError: when there is none; not when an earlier attempt of this call deleted it.
        """
        counter = RequestCounter()
        request = self._request(_folder_path(id), method="DELETE", counter=counter)
        try:
            await self._project.session.fetch(request, bytes)
        except NotFoundError:
            if not counter.lost:
                raise

    async def home(self) -> HomeFolder:
        """Get the home folder, the successor of persisted folders on newer servers.

        The server makes one on the first call and gives the same ever after; it has no others, and
        one that was deleted does not come back.

        Raises:
            EndpointNotAvailableError: when the server has persisted folders instead.
        """
        request = self._project.request(
            HOME_PATH, method="POST", retry=RetrySafety.SAFE, availability=HOME_SINCE
        )
        return await self._project.session.fetch(request, HOME_ROWS.read)

    def _request(self, path: str, **fields: Any) -> Request:
        return self._project.request(
            path, **{"scope": WRITE, "availability": AVAILABILITY, **fields}
        )

    async def _fetch(self, request: Request) -> PersistedFolder:
        return await self._project.session.fetch(request, FOLDER_ROWS.read)


def _folder_path(id: UUID | str) -> str:
    try:
        return f"{PATH}{UUID(str(id))}/"
    except ValueError:
        message = "a persisted folder's id is a UUID"
    raise ConfigurationError(message)


def _fields(**fields: str) -> dict[str, str]:
    for name, value in fields.items():
        if not _is_str(value):
            raise ConfigurationError(f"{name} of a folder must be text")
    if not fields.get("type", "-"):
        raise ConfigurationError("type of a folder must not be empty, such as 'home' or 'pinned'")
    if len(fields.get("protocol", "")) > MAX_PROTOCOL:
        raise ConfigurationError(f"protocol of a folder has at most {MAX_PROTOCOL} characters")
    return fields


def _is_str(value: object) -> bool:
    return isinstance(value, str)
