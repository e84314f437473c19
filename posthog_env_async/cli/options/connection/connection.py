"""Options that every command which talks to a server takes."""

import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.cli.options.flags import FLAG
from posthog_env_async.cli.options.output import OutputOptions
from posthog_env_async.cli.output.progress.watcher import Watcher
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.events import Observer
from posthog_env_async.session import Backoff, Limit

from .key import key_from, key_source
from .projects import projects_in
from .shared_limits import SharedLimiter, Sharing

__all__ = [
    "DEFAULT_CONNECTION",
    "OTHER_WAIT_CONNECTION",
    "Connection",
    "OtherWaitConnection",
]

CONNECTION = Group("Connection", sort_key=90)
FOREVER = float("inf")
_PROXY = re.compile(r"https?://[^/\s]+/?")
_LIMIT = re.compile(r"(\d+)/(\d+(?:\.\d+)?)")


@Parameter(name="*", group=CONNECTION)
@attrs.frozen(kw_only=True)
class Connection:
    """Where the server is, who asks, and how patiently."""

    host: Annotated[
        str | None, Parameter(help="us, eu or a URL; by default POSTHOG_HOST, else us.")
    ] = None
    project: Annotated[
        tuple[str, ...],
        Parameter(
            help="The project's id; by default POSTHOG_PROJECT_ID. Exports take several: 1-5,9, or"
            " the option repeated.",
            negative=(),
            show_default=False,
        ),
    ] = ()
    key_file: Annotated[
        str | None,
        Parameter(
            help="A file with the key, read again when the key is renewed; - for stdin. By default"
            " POSTHOG_PERSONAL_API_KEY. There is no option for the key itself, because other users"
            " could read it in the list of processes.",
            allow_leading_hyphen=True,
        ),
    ] = None
    prefix: Annotated[
        Literal["auto", "environments", "projects"],
        Parameter(
            help="The API's path; auto switches to projects when the server asks for it. By default"
            " POSTHOG_PREFIX, else auto."
        ),
    ] = "auto"
    timeout: Annotated[float, Parameter(help="Seconds for one attempt of a request.")] = 120.0
    limit: Annotated[
        tuple[str, ...],
        Parameter(
            help="At most REQUESTS/SECONDS, such as 240/60; can be repeated; or none. By default"
            " PostHog Cloud's published limits on Cloud, and none elsewhere.",
            negative=(),
            show_default=False,
        ),
    ] = ()
    redis: Annotated[
        str | None,
        Parameter(
            help="A Redis (redis://HOST) through which processes share the limits; by default"
            " POSTHOG_REDIS_URL, which the list of processes does not show."
        ),
    ] = None
    redis_file: Annotated[Path | None, Parameter(help="A file with the URL of the Redis.")] = None
    sqlite: Annotated[
        Path | None,
        Parameter(help="A file through which processes on one machine share the limits."),
    ] = None
    max_wait: Annotated[
        float, Parameter(help="The longest wait in seconds, for a rate limit or before a retry.")
    ] = 120.0
    proxy: Annotated[
        str | None,
        Parameter(help="The URL of a proxy; env takes it from HTTPS_PROXY or HTTP_PROXY."),
    ] = None
    ca_file: Annotated[
        Path | None,
        Parameter(help="A PEM file with the certificates to trust, instead of the system's."),
    ] = None
    wait: Annotated[bool, Parameter(help="Wait for rate limits as long as it takes."), FLAG] = False

    def without_project(self) -> "Connection":
        """Return the connection for a command that reads the projects itself."""
        return attrs.evolve(self, project=())

    @asynccontextmanager
    async def client(
        self, output: OutputOptions, watcher: Watcher | None = None
    ) -> AsyncGenerator[PostHogEnv]:
        """Open a client, and the limiter that it shares with others.

        Raises:
            ConfigurationError: saying which option to use.
        """
        key = self.key()
        limiter = self.shared(key)
        try:
            async with self.described(key, limiter, watcher or Watcher(output)) as env:
                yield env
        finally:
            if limiter is not None:
                await limiter.aclose()

    def described(
        self,
        key: str,
        limiter: SharedLimiter | None = None,
        observer: Observer | None = None,
    ) -> PostHogEnv:
        """Return a client that is not open.

        Raises:
            ConfigurationError: for what cannot work.
        """
        return PostHogEnv(
            self._one_project(),
            api_key=key_source(self.key_file, key),
            host=self.host,
            prefix=self.prefix,
            timeout=self.timeout,
            backoff=Backoff(max_wait=FOREVER if self.wait else self.max_wait),
            limits=self._limits(),
            limiter=limiter,
            observer=observer,
            proxy=self._checked_proxy(),
            ssl=None if self.ca_file is None else _trusting(self.ca_file),
        )

    def shared(self, key: str) -> SharedLimiter | None:
        """Return the limiter that other processes share, if one was asked for.

        Raises:
            ConfigurationError: for two of them, or a missing extra.
        """
        limits = self._limits()
        given = None if limits == "auto" else limits
        return self.sharing.limiter(key, given, are_given=limits != "auto")

    @property
    def sharing(self) -> Sharing:
        """Where processes share the limits."""
        return Sharing(self.redis, self.redis_file, self.sqlite)

    def key(self) -> str:
        """Return the key.

        Raises:
            ConfigurationError: when there is none.
        """
        return key_from(self.key_file)

    def _one_project(self) -> str | None:
        projects = projects_in(self.project)
        if len(projects) > 1:
            raise ConfigurationError("--project: this command takes one project")
        return next(iter(projects), None)

    def _checked_proxy(self) -> str | None:
        if self.proxy not in {None, "env"} and not _PROXY.fullmatch(self.proxy or ""):
            raise ConfigurationError("--proxy is a URL such as http://proxy.example:3128, or env")
        return self.proxy

    def _limits(self) -> tuple[Limit, ...] | Literal["auto"] | None:
        if not self.limit:
            return "auto"
        return None if self.limit == ("none",) else tuple(map(_limit, self.limit))


@Parameter(name="*", group=CONNECTION)
@attrs.frozen(kw_only=True)
class OtherWaitConnection(Connection):
    """The connection of a command whose own `--wait` says how long it waits for something else."""

    wait: Annotated[bool, Parameter(parse=False)] = False


DEFAULT_CONNECTION = Connection()
OTHER_WAIT_CONNECTION = OtherWaitConnection()


def _limit(text: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ConfigurationError("--limit is REQUESTS/SECONDS, such as --limit 240/60, or none")
    return Limit(int(found[1]), float(found[2]))


def _trusting(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (ssl.SSLError, ValueError):
        reason: str | None = "it holds no certificate in PEM form"
    except OSError as error:
        reason = error.strerror
    raise ConfigurationError(f"--ca-file: cannot use {file}: {reason}")
