"""The client: a session with the resources of a project on it."""

import os
import ssl as tls
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypeVar

import aiohttp
import attrs

from posthog_env_async.events import Observer
from posthog_env_async.models import KEY_ROWS, APIKeyInfo
from posthog_env_async.resources import (
    ClientStatus,
    Cohorts,
    EndpointCalls,
    Logs,
    MaxTools,
    PersistedFolders,
    Persons,
    Projects,
    ProjectScope,
)
from posthog_env_async.session import (
    Address,
    Backoff,
    Emitter,
    KeyFunction,
    KeySource,
    Limit,
    Limiter,
    Limits,
    Prefix,
    RateLimiter,
    Request,
    Session,
    Transport,
    check_settings,
    check_timeout,
    checked_headers,
    checked_prefix,
    limits_for,
    project_text,
)

__all__ = ["PostHogEnv"]

T = TypeVar("T")

TIMEOUT = 120.0
MAX_CONNECTIONS = 32
MAX_RESPONSE_BYTES = 64 << 20


class PostHogEnv(EndpointCalls, ClientStatus):
    """A PostHog project, read and written from asyncio.

    .. code-block:: python

        async with PostHogEnv(1) as env:
            async for person in env.persons.list(search="@example.com", prefetch=4):
                print(person.uuid)

    Any number of tasks of one event loop can use a client. `for_project` returns others that share
    its connections, key and limits.
    """

    persons: Persons
    """The persons of the project."""
    cohorts: Cohorts
    """The cohorts of the project."""
    persisted_folders: PersistedFolders
    """The folders that the key's owner keeps."""
    logs: Logs
    """The logs of the project."""
    max_tools: MaxTools
    """PostHog's AI."""
    projects: Projects
    """The projects that the key can use."""

    def __init__(
        self,
        project_id: int | str | None = None,
        *,
        api_key: str | KeyFunction | None = None,
        host: str | None = None,
        prefix: Prefix = "auto",
        timeout: float = TIMEOUT,
        backoff: Backoff | None = None,
        limits: Limits | Sequence[Limit] | Literal["auto"] | None = "auto",
        limiter: Limiter | None = None,
        max_connections: int = MAX_CONNECTIONS,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        headers: Mapping[str, str] | None = None,
        observer: Observer | None = None,
        proxy: str | None = None,
        ssl: tls.SSLContext | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        """Describe the client; nothing is opened or sent before `async with`.

        Args:
            project_id: a number, or `"@current"`, the project selected in the UI; by default
                `POSTHOG_PROJECT_ID`.
            api_key: a personal API key (`phx_…`), by default `POSTHOG_PERSONAL_API_KEY`; or a
                function, sync or async, that returns one, or `(key, expires_at)` with an aware
                datetime. It is called once for all tasks, a minute before the key expires, and
                once more after a 401.
            host: `"us"`, `"eu"` or a URL; by default `POSTHOG_HOST`, else `https://us.posthog.com`.
            prefix: of the API's paths, by default `POSTHOG_PREFIX`, else `"auto"`: `environments`
                until the server says that it gives way to `projects`. `"environments"` stays as
                long as the server has it, and warns once of its end.
            timeout: seconds for one attempt, from connecting to the last byte.
            backoff: when to try again.
            limits: how many requests may go out; `"auto"` is PostHog Cloud's published limits on
                `*.posthog.com` and none elsewhere.
            limiter: a limiter that processes share, instead of `limits`.
            max_connections: how many requests may run at once.
            max_response_bytes: the largest response, after decompression; a CSV has no limit.
            headers: sent with every request; none that could carry the key or change the framing.
            observer: called with each event of `posthog_env_async.events`.
            proxy: a proxy's URL, or `"env"` for the environment's; by default none.
            ssl: a context that trusts your server's certificate.
            session: your own aiohttp session, which is not closed.

        Raises:
            ConfigurationError: saying what to use instead.
        """
        try:
            keys = KeySource.of(
                os.environ.get("POSTHOG_PERSONAL_API_KEY", "") if api_key is None else api_key
            )
        finally:
            api_key = None  # so that no traceback with locals shows it
        address = Address.parse(host or os.environ.get("POSTHOG_HOST") or "us")
        check_settings(
            timeout=timeout,
            ssl=ssl,
            observer=observer,
            max_connections=max_connections,
            max_response_bytes=max_response_bytes,
        )
        if prefix == "auto":
            prefix = checked_prefix(os.environ.get("POSTHOG_PREFIX") or prefix)
        if project_id is None:
            project_id = os.environ.get("POSTHOG_PROJECT_ID") or None
        http = Transport(max_response_bytes, max_connections, session, proxy, ssl)
        own = Session(
            address,
            http,
            keys,
            limiter or RateLimiter(limits_for(address, limits)),
            backoff or Backoff(),
            timeout,
            checked_prefix(prefix),
            checked_headers(headers),
            None if observer is None else Emitter(observer),
        )
        self._owns_session = True
        self._use(own, project_id)

    async def __aenter__(self) -> Self:
        if self._owns_session:
            await self._session.transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel what is running and close the connections; does nothing for a sibling."""
        if self._owns_session:
            await self._session.transport.close()

    def __repr__(self) -> str:
        # A traceback with locals shows a client also when it could not be made.
        session = getattr(self, "_session", None)
        host = None if session is None else str(session.address.origin)
        return f"PostHogEnv({getattr(self, '_project_id', None)!r}, host={host!r})"

    def for_project(self, project_id: int | str) -> "PostHogEnv":
        """Return the client for another project: it shares connections, key and limits.

        Close the client that it came from, not this one.
        """
        return self._sibling(project_id, self._session)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        backoff: Backoff | None = None,
        headers: Mapping[str, str] | None = None,
        prefix: Prefix | None = None,
    ) -> "PostHogEnv":
        """Return the same client with other options, as for one call.

        It shares connections, key, limits and counters; `headers` are added to the client's own.
        Close the client that it came from, not this one.

        Raises:
            ConfigurationError: as the client itself.
        """
        options: dict[str, Any] = {}
        if timeout is not None:
            check_timeout(timeout)
            options["timeout"] = timeout
        if backoff is not None:
            options["backoff"] = backoff
        if headers is not None:
            extra = {**self._session.headers, **checked_headers(headers)}
            options["headers"] = checked_headers(extra)
        if prefix is not None:
            options["prefix_setting"] = checked_prefix(prefix)
        return self._sibling(self._project_id, attrs.evolve(self._session, **options))

    def _sibling(self, project_id: int | str | None, session: Session) -> "PostHogEnv":
        sibling = object.__new__(PostHogEnv)
        sibling._owns_session = False
        sibling._use(session, project_id)
        return sibling

    def _use(self, session: Session, project_id: int | str | None) -> None:
        """Put the resources of a project on a session."""
        self._session, self._project_id = session, project_id
        project = ProjectScope(session, None if project_id is None else project_text(project_id))
        self._project = project
        self.persons = Persons(project)
        self.cohorts = Cohorts(project)
        self.persisted_folders = PersistedFolders(project)
        self.logs = Logs(project)
        self.max_tools = MaxTools(project)
        self.projects = Projects(project)

    @property
    def project_id(self) -> str:
        """The project's id as text.

        Raises:
            ConfigurationError: when none was given.
        """
        return project_text(self._project_id)

    async def key(self) -> APIKeyInfo:
        """Ask what the key may do; from then on a missing scope raises before anything is sent."""
        call = Request(path="personal_api_keys/@current/")
        info = await self._session.fetch(call, KEY_ROWS.read)
        self._session.state.granted = frozenset(info.scopes)
        return info
