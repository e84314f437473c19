"""`posthog-env fake`: the embedded server, served for one's own code."""

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Literal

import anyio
import attrs
from cyclopts import App, Parameter

from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.testing import CLOUD_THROTTLES, FakePostHog

__all__ = ["DEFAULT_SETTINGS", "Settings", "app", "fake"]

EXAMPLES = """Examples:

  posthog-env fake --persons 5000 --port 8010
  posthog-env fake --project 1=500 --project 2=0 --latency 0.05 --throttle cloud
  posthog-env fake --throttle persons=20/1 --mode projects_only --scope person:read

The first three lines on stdout set up a shell:

  posthog-env fake --port 8010 > fake.env &
  sleep 2; . ./fake.env; posthog-env persons list --max-items 3"""
_PROJECT = re.compile(r"(\d+)=(\d+)")
_THROTTLE = re.compile(r"(persons|max_tools|default)=(\d+)/(\d+(?:\.\d+)?)")
Windows = tuple[tuple[int, float], ...]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Settings:
    """What the server is like."""

    persons: Annotated[int, Parameter(help="The number of persons in project 1.")] = 100_000
    project: Annotated[
        tuple[str, ...],
        Parameter(help="ID=PERSONS instead, once per project."),
    ] = ()
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Parameter(help="The port; 0 picks a free one.")] = 0
    seed: Annotated[int, Parameter(help="The seed of the generated data.")] = 0
    latency: Annotated[float, Parameter(help="Seconds before each answer.")] = 0.0
    mode: Annotated[
        Literal["rewrite", "routes", "redirect", "projects_only", "environments_only"],
        Parameter(help="How /api/environments/ behaves."),
    ] = "rewrite"
    server_version: Annotated[
        Literal["new", "mid", "old"], Parameter(help="The generation of servers to behave like.")
    ] = "new"
    throttle: Annotated[
        tuple[str, ...],
        Parameter(
            help="GROUP=REQUESTS/SECONDS, where GROUP is persons, max_tools or default; or cloud.",
        ),
    ] = ()
    scope: Annotated[
        tuple[str, ...],
        Parameter(help="A scope of the key; by default it has all."),
    ] = ()
    person_bytes: Annotated[int | None, Parameter(help="Pad persons to about this many bytes.")] = (
        None
    )
    odd_persons: Annotated[bool, Parameter(help="Give every fifth person unusual values.")] = False
    orphans: Annotated[float, Parameter(help="The share of ids whose person is gone.")] = 0.0
    gzip: Annotated[bool, Parameter(help="Compress responses.")] = False
    logs: Annotated[int, Parameter(help="The number of log entries per project.")] = 10_000

    def server(self) -> FakePostHog:
        """Return the server, not yet started.

        Raises:
            ConfigurationError: for an option that is written in another way.
        """
        read = {"persons", "project", "scope", "server_version", "throttle"}
        settings = attrs.asdict(self, filter=lambda field, _: field.name not in read)
        return FakePostHog(
            _projects(self.project) or self.persons,
            scopes=self.scope or ("*",),
            version=self.server_version,
            throttles=_throttles(self.throttle),
            **settings,
        )


DEFAULT_SETTINGS = Settings()

app = App(name="fake", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def fake(*, settings: Settings = DEFAULT_SETTINGS) -> None:
    """Serve the embedded server until Ctrl-C; nothing that it receives is written anywhere."""
    first = min(_projects(settings.project), default=1)
    async with settings.server() as server:
        sys.stdout.write(
            f"export POSTHOG_HOST={server.url}\n"
            f"export POSTHOG_PERSONAL_API_KEY={server.key}\n"
            f"export POSTHOG_PROJECT_ID={first}\n"
        )
        sys.stdout.flush()
        print_message("serving until Ctrl-C; the key opens nothing but this server")
        await anyio.sleep_forever()


def _projects(texts: tuple[str, ...]) -> dict[int, int]:
    sizes = dict[int, int]()
    for text in texts:
        match = _PROJECT.fullmatch(text)
        if match is None:
            raise ConfigurationError(f"--project {text}: write ID=PERSONS, such as 2=500")
        sizes[int(match[1])] = int(match[2])
    return sizes


def _throttles(texts: tuple[str, ...]) -> Mapping[str, Windows] | None:
    if texts == ("cloud",):
        return CLOUD_THROTTLES
    throttles = dict[str, Windows]()
    for text in texts:
        match = _THROTTLE.fullmatch(text)
        if match is None:
            raise ConfigurationError(
                f"--throttle {text}: write GROUP=REQUESTS/SECONDS, such as persons=240/60, or cloud"
            )
        window = (int(match[2]), float(match[3]))
        throttles[match[1]] = (*throttles.get(match[1], ()), window)
    return throttles or None
