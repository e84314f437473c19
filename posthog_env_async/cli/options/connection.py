"""Options that every command which talks to a server takes."""

import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import attrs
from cyclopts import Group, Parameter

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.session import Backoff, Limit

from .flags import FLAG
from .projects import projects_in
from .shared_limits import SharedLimiter, shared_limiter

__all__ = ["DEFAULT_CONNECTION", "Connection"]

CONNECTION = Group("Connection", sort_key=90)
FOREVER = float("inf")
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
            help="The project's id; by default POSTHOG_PROJECT_ID. Exports take several, as in"
            " 1-5,9, and it may be repeated.",
            negative=(),
            show_default=False,
        ),
    ] = ()
    key_file: Annotated[
        str | None,
        Parameter(
            help="A file that holds the key, - for stdin; by default POSTHOG_PERSONAL_API_KEY is"
            " used. The key itself is no option: others could read it in the list of processes.",
            allow_leading_hyphen=True,
        ),
    ] = None
    prefix: Annotated[
        Literal["environments", "projects"],
        Parameter(help="The API's path; falls back to projects where a server has only that."),
    ] = "environments"
    timeout: Annotated[float, Parameter(help="Seconds for one attempt of a request.")] = 120.0
    limit: Annotated[
        tuple[str, ...],
        Parameter(
            help="REQUESTS/SECONDS that may go out, such as 240/60; may be repeated, or none. By"
            " default PostHog Cloud's published limits on Cloud, and none elsewhere.",
            negative=(),
            show_default=False,
        ),
    ] = ()
    redis: Annotated[
        str | None,
        Parameter(help="A Redis, as redis://HOST, through which processes share the limits."),
    ] = None
    sqlite: Annotated[
        Path | None, Parameter(help="A file through which processes share the limits.")
    ] = None
    max_wait: Annotated[
        float, Parameter(help="The longest wait in seconds for a rate limit or a second attempt.")
    ] = 120.0
    wait: Annotated[bool, Parameter(help="Wait for the rate limit as long as it takes."), FLAG] = (
        False
    )

    def without_project(self) -> "Connection":
        """Return the connection for a command that reads the projects itself."""
        return attrs.evolve(self, project=())

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[PostHogEnv]:
        """Open a client, and the limiter that it shares with others.

        Raises:
            ConfigurationError: saying which option to use.
        """
        key = self.key()
        limiter = self.shared(key)
        try:
            async with self.described(key, limiter) as env:
                yield env
        finally:
            if limiter is not None:
                await limiter.aclose()

    def described(self, key: str, limiter: SharedLimiter | None = None) -> PostHogEnv:
        """Return a client that is not open.

        Raises:
            ConfigurationError: for what cannot work.
        """
        return PostHogEnv(
            self._one_project(),
            api_key=key,
            host=self.host,
            prefix=self.prefix,
            timeout=self.timeout,
            backoff=Backoff(max_wait=FOREVER if self.wait else self.max_wait),
            limits=self._limits(),
            limiter=limiter,
        )

    def shared(self, key: str) -> SharedLimiter | None:
        """Return the limiter that other processes share, if one was asked for.

        Raises:
            ConfigurationError: for two of them, or a missing extra.
        """
        limits = self._limits()
        return shared_limiter(key, None if limits == "auto" else limits, self.redis, self.sqlite)

    def key(self) -> str:
        """Return the key.

        Raises:
            ConfigurationError: when there is none.
        """
        if self.key_file is not None:
            return _key_in(self.key_file)
        key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
        if not key:
            raise ConfigurationError(
                "no key: set POSTHOG_PERSONAL_API_KEY to a personal API key (phx_…), made in"
                " PostHog under Settings, Personal API keys; or give --key-file PATH"
            )
        return key

    def _one_project(self) -> str | None:
        projects = projects_in(self.project)
        if len(projects) > 1:
            raise ConfigurationError("--project: this command takes one project")
        return next(iter(projects), None)

    def _limits(self) -> tuple[Limit, ...] | Literal["auto"] | None:
        if not self.limit:
            return "auto"
        return None if self.limit == ("none",) else tuple(map(_limit, self.limit))


DEFAULT_CONNECTION = Connection()


def _limit(text: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ConfigurationError("--limit is REQUESTS/SECONDS, such as --limit 240/60, or none")
    return Limit(int(found[1]), float(found[2]))


def _key_in(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise ConfigurationError(f"--key-file: cannot read {name}: {reason}") from None
    if not text.strip():
        raise ConfigurationError(f"--key-file: {name} is empty")
    return text.strip()
