"""Options that every command which talks to a server takes."""

import os
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.cli.output.notices import Watcher
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.events import Observer
from posthog_env_async.session import Backoff, Limiter

from .output import OutputOptions
from .parsing import key_from, key_source, limits_of, projects_in, trusting

__all__ = ["DEFAULT_OPTIONS", "OTHER_WAIT_OPTIONS", "ClientOptions", "OtherWaitOptions"]

CONNECTION = Group("Connection", sort_key=90)
FOREVER = float("inf")
_PROXY = re.compile(r"https?://[^/\s]+/?")


@Parameter(name="*", group=CONNECTION)
@attrs.frozen(kw_only=True)
class ClientOptions(OutputOptions):
    """Where the server is, who asks, how patiently, and how the command speaks."""

    host: Annotated[
        str | None, Parameter(help="us, eu or a URL; by default POSTHOG_HOST, else us.")
    ] = None
    project: Annotated[
        tuple[str, ...],
        Parameter(
            help="The project's id; by default POSTHOG_PROJECT_ID. Exports take several: 1-5,9, or"
            " the option repeated.",
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
    wait: Annotated[bool, Parameter(help="Wait for rate limits as long as it takes.")] = False

    @asynccontextmanager
    async def client(self, observer: Observer | None = None) -> AsyncGenerator[PostHogEnv]:
        """Open a client, and the limiter that it shares with others.

        Raises:
            ConfigurationError: saying which option to use.
        """
        key = key_from(self.key_file)
        observer = observer or Watcher(self)
        if not self.shares_limits:
            async with self.client_for(key, observer=observer) as env:
                yield env
            return
        # Its integrations load only where somebody asks for them.
        from .shared_limits import shared_limiter

        async with (
            aclosing(shared_limiter(self, key)) as limiter,
            self.client_for(key, limiter, observer) as env,
        ):
            yield env

    def client_for(
        self, key: str, limiter: Limiter | None = None, observer: Observer | None = None
    ) -> PostHogEnv:
        """Return a client that is not open.

        Raises:
            ConfigurationError: for what cannot work.
        """
        projects = projects_in(self.project)
        if len(projects) > 1:
            raise ConfigurationError("--project: this command takes one project")
        if self.proxy not in {None, "env"} and not _PROXY.fullmatch(self.proxy or ""):
            raise ConfigurationError("--proxy is a URL such as http://proxy.example:3128, or env")
        return PostHogEnv(
            projects[0] if projects else None,
            api_key=key_source(self.key_file, key),
            host=self.host,
            prefix=self.prefix,
            timeout=self.timeout,
            backoff=Backoff(max_wait=FOREVER if self.wait else self.max_wait),
            limits=limits_of(self.limit),
            limiter=limiter,
            observer=observer,
            proxy=self.proxy,
            ssl=None if self.ca_file is None else trusting(self.ca_file),
        )

    @property
    def shares_limits(self) -> bool:
        """Whether the limits are shared with other processes."""
        given = (self.redis, self.redis_file, self.sqlite)
        return given != (None, None, None) or bool(os.environ.get("POSTHOG_REDIS_URL"))


@Parameter(name="*", group=CONNECTION)
@attrs.frozen(kw_only=True)
class OtherWaitOptions(ClientOptions):
    """The options of a command whose own `--wait` says how long it waits for something else."""

    wait: Annotated[bool, Parameter(parse=False)] = False


DEFAULT_OPTIONS = ClientOptions()
OTHER_WAIT_OPTIONS = OtherWaitOptions()
