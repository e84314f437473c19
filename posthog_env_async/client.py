"""The client: a session with the resources of a project on it."""

import os
import ssl as tls
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self, TypeVar, cast

import aiohttp

from posthog_env_async.converter import DICT_ROWS, RowType, load
from posthog_env_async.models import KEY_ROWS, APIKeyInfo, rows_of
from posthog_env_async.pagination import Listing, PageSize, checked_numbers
from posthog_env_async.resources import (
    Cohorts,
    Logs,
    MaxTools,
    PersistedFolders,
    Persons,
    Projects,
    ProjectScope,
)
from posthog_env_async.session import (
    Address,
    APIKey,
    Backoff,
    Limit,
    Limiter,
    Limits,
    RateLimiter,
    Request,
    Scopes,
    Session,
    Transport,
    check_settings,
    limits_for,
    project_text,
    query_text,
    quoted_path,
)

__all__ = ["PostHogEnv"]

T = TypeVar("T")

TIMEOUT = 120.0
MAX_CONNECTIONS = 32
MAX_RESPONSE_BYTES = 64 << 20
LONGEST_SHOWN = 366 * 86_400.0
BUDGETS = ("persons", "max_tools", "default")


class PostHogEnv:
    """A PostHog project, read and written from asyncio.

    .. code-block:: python

        async with PostHogEnv(1) as env:
            async for person in env.persons.list(search="@example.com", prefetch=4):
                print(person.uuid)

    One client serves any number of tasks of one event loop; `for_project` gives others that share
    its connections, key and limits.
    """

    def __init__(
        self,
        project_id: int | str | None = None,
        *,
        api_key: str | None = None,
        host: str | None = None,
        prefix: str = "environments",
        timeout: float = TIMEOUT,
        backoff: Backoff | None = None,
        limits: Limits | Sequence[Limit] | Literal["auto"] | None = "auto",
        limiter: Limiter | None = None,
        max_connections: int = MAX_CONNECTIONS,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        proxy: str | None = None,
        ssl: tls.SSLContext | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        """Describe the client; nothing is opened or sent before `async with`.

        Args:
            project_id: a number, or `"@current"`, the project selected in the UI; by default
                `POSTHOG_PROJECT_ID`.
            api_key: a personal API key (`phx_…`); by default `POSTHOG_PERSONAL_API_KEY`.
            host: `"us"`, `"eu"` or a URL; by default `POSTHOG_HOST`, else `https://us.posthog.com`.
            prefix: `"environments"`, which falls back to `"projects"` where a server has only that.
            timeout: seconds for one attempt, from connecting to the last byte.
            backoff: when to try again.
            limits: how many requests may go out; `"auto"` is PostHog Cloud's published limits on
                `*.posthog.com` and none elsewhere.
            limiter: a limiter that processes share, instead of `limits`.
            max_connections: how many requests may be under way at once.
            max_response_bytes: the largest answer taken, after decompression; a CSV has no bound.
            proxy: a proxy's URL, or `"env"` for the environment's; by default none.
            ssl: a context that trusts your server's certificate.
            session: your own aiohttp session, which is not closed.

        Raises:
            ConfigurationError: saying what to use instead.
        """
        try:
            key = APIKey(
                api_key if api_key is not None else os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
            )
        finally:
            api_key = None  # so that no traceback with locals shows it
        address = Address.parse(host or os.environ.get("POSTHOG_HOST") or "us")
        check_settings(
            prefix=prefix,
            timeout=timeout,
            ssl=ssl,
            max_connections=max_connections,
            max_response_bytes=max_response_bytes,
        )
        self._project_id = (
            project_id if project_id is not None else os.environ.get("POSTHOG_PROJECT_ID") or None
        )
        if self._project_id is not None:
            project_text(self._project_id)
        pool = Transport(key, timeout, max_response_bytes, max_connections, session, proxy, ssl)
        self._session = Session(
            address,
            pool,
            limiter or RateLimiter(limits_for(address, limits)),
            backoff or Backoff(),
            prefix,
        )
        self._owns_session = True

    async def __aenter__(self) -> Self:
        if self._owns_session:
            await self._session.pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Break off what is in flight and close the connections; does nothing for a sibling."""
        if self._owns_session:
            await self._session.pool.close()

    def __repr__(self) -> str:
        # A traceback with locals shows a client also when it could not be made.
        session = getattr(self, "_session", None)
        host = None if session is None else str(session.address.origin)
        return f"PostHogEnv({getattr(self, '_project_id', None)!r}, host={host!r})"

    def for_project(self, project_id: int | str) -> "PostHogEnv":
        """Return the client for another project: it shares connections, key and limits.

        Close the client that it came from, not this one.
        """
        project_text(project_id)
        sibling = object.__new__(PostHogEnv)
        sibling._project_id = project_id
        sibling._session = self._session
        sibling._owns_session = False
        return sibling

    @property
    def persons(self) -> Persons:
        """The persons of the project."""
        return Persons(self._place)

    @property
    def cohorts(self) -> Cohorts:
        """The cohorts of the project."""
        return Cohorts(self._place)

    @property
    def persisted_folders(self) -> PersistedFolders:
        """The folders that the key's owner keeps."""
        return PersistedFolders(self._place)

    @property
    def logs(self) -> Logs:
        """The logs of the project."""
        return Logs(self._place)

    @property
    def max_tools(self) -> MaxTools:
        """PostHog's AI."""
        return MaxTools(self._place)

    @property
    def projects(self) -> Projects:
        """The projects that the key can use."""
        return Projects(self._place)

    @property
    def project_id(self) -> str:
        """The project's id as text.

        Raises:
            ConfigurationError: when none was given.
        """
        return project_text(self._project_id)

    @property
    def host(self) -> str:
        """The server's URL."""
        return f"{self._session.address.origin}{self._session.address.base_path}"

    @property
    def prefix(self) -> str:
        """`environments` or `projects`, whichever the server is known to answer."""
        return self._session.prefix

    @property
    def requests(self) -> int:
        """How many requests went out, those of siblings included."""
        return self._session.meter.requests

    @property
    def retries(self) -> int:
        """How many of them were second attempts."""
        return self._session.meter.retries

    @property
    def limiter(self) -> Limiter:
        """The limiter that every request waits for."""
        return self._session.limiter

    @property
    def throttled_until(self) -> datetime | None:
        """Until when a 429 holds requests back; `None` when none does."""
        held = max(self._session.limiter.held_for(budget) for budget in BUDGETS)
        held = min(held, LONGEST_SHOWN)
        return datetime.now(UTC) + timedelta(seconds=held) if held > 0 else None

    async def key(self) -> APIKeyInfo:
        """Ask what the key may do; from then on a missing scope raises before anything is sent."""
        call = Request(path="personal_api_keys/@current/")
        info = await self._session.fetch(call, KEY_ROWS.read)
        self._session.granted = frozenset(info.scopes)
        return info

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        scope: str | Scopes | None = None,
    ) -> Any:
        """Call any endpoint below the project and return its JSON, `None` for an empty answer.

        `path` is relative (`"cohorts/"`) and is quoted; `params` without a value are left out.

        Raises:
            ConfigurationError: when the path could leave the project.
        """
        call = self._place.call(
            quoted_path(path),
            method=method.upper(),
            params=query_text(params),
            json=json,
            scope=_scopes(scope),
        )
        return await self._session.fetch(call, load if call.method == "GET" else _any)

    def listing(
        self,
        path: str,
        *,
        model: type[T] | None = None,
        scope: str | Scopes | None = None,
        page_size: PageSize = 100,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
        **params: Any,
    ) -> Listing[T]:
        """Return a listing over any limit/offset endpoint below the project.

        Items are plain dicts, or of `model`, an attrs class whose `extra` takes unknown fields.
        """
        checked_numbers(offset=offset, max_items=max_items, prefetch=prefetch)
        rows = DICT_ROWS if model is None else rows_of(model)
        return self._place.listing(
            self._place.call(quoted_path(path), params=query_text(params), scope=_scopes(scope)),
            cast("RowType[T]", rows),
            page_size=page_size,
            offset=offset,
            max_items=max_items,
            prefetch=prefetch,
        )

    @property
    def _place(self) -> ProjectScope:
        return ProjectScope(self._session, self._project_id)


def _any(body: bytes) -> Any:
    return load(body) if body else None


def _scopes(scope: str | Scopes | None) -> Scopes:
    if scope is None:
        return ()
    return (scope,) if isinstance(scope, str) else scope
