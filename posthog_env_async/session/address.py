"""Where the server is, and the only way a URL to it is made."""

import re
from collections.abc import Mapping
from urllib.parse import quote

import attrs
from yarl import URL

from posthog_env_async.errors import ConfigurationError, redacted

__all__ = ["Address", "check_own_host", "project_text", "quoted_path"]

REGIONS: Mapping[str, str] = {"us": "https://us.posthog.com", "eu": "https://eu.posthog.com"}

MAX_PORT = 65_535

_HOST = re.compile(r"(?ai)[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_PATH = re.compile(r"[A-Za-z0-9._~/-]*")
_PROJECT = re.compile(r"[0-9]+|@current")
_WRITTEN = re.compile(r"(?ai)(?:(https?)://)?([^/]*)(/.*)?")
_APP_PAGE = re.compile(
    r"(?a)(/[^?#]*?)??/(?:project|organization|login|signup|settings|me|persons?|insights?"
    r"|dashboards?|replay|api)(?:[/?#].*)?"
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\?#]")


@attrs.frozen
class Address:
    """The configured origin and sub-path; every request goes below it."""

    origin: URL
    base_path: str = ""
    root: str = attrs.field(
        default=attrs.Factory(lambda self: f"{self.origin}{self.base_path}", takes_self=True),
        init=False,
        repr=False,
        eq=False,
    )

    @classmethod
    def parse(cls, host: str) -> "Address":
        """Read `host`: `"us"`, `"eu"`, a host name or a URL, also with a sub-path.

        Raises:
            ConfigurationError: for user info, a query, blanks, characters outside ASCII, or an
                ingestion host, which has no private API (docs/server.md, Hosts).
        """
        text = REGIONS.get(host, host)
        written = _WRITTEN.fullmatch(text)
        scheme, netloc, path = written.groups() if written else (None, "", None)
        name, _, port = (
            netloc.rpartition(":") if re.search(r"(?a::\d+)$", netloc) else (netloc, "", "")
        )
        path = (path or "").rstrip("/")
        if _HOST.fullmatch(name) and (page := _APP_PAGE.fullmatch(path)):
            raise _not_a_host(f"{scheme or 'https'}://{netloc}{page[1] or ''}")
        if not _HOST.fullmatch(name) or not _PATH.fullmatch(path) or ".." in path + name:
            raise ConfigurationError(
                "host must be 'us', 'eu' or a URL such as https://posthog.example.com,"
                " without user info, query, blanks or characters outside ASCII"
            )
        if name.lower().endswith(".i.posthog.com"):
            raise ConfigurationError(
                f"{name} takes events in and has no private API;"
                f" use https://{name.lower().replace('.i.posthog.com', '.posthog.com')}"
            )
        if port and not 0 < int(port) <= MAX_PORT:
            raise ConfigurationError("the port of host must be a number from 1 to 65535")
        try:
            origin = URL(f"{scheme or 'https'}://{netloc}").origin()
        except ValueError:
            origin = None
        if origin is None:
            raise ConfigurationError("host is not an address: its name or port cannot exist")
        address = cls(origin, path)
        if address.is_cloud:
            address.check_cloud()
        return address

    def check_cloud(self) -> None:
        """Check an address of PostHog Cloud.

        Raises:
            ConfigurationError: for `http`, which would send the key in clear, and for a path.
        """
        if self.origin.scheme != "https":
            raise ConfigurationError(
                f"host must be https://{self.origin.host}: over http the key would go out in clear"
            )
        if self.base_path:
            raise _not_a_host(str(self.origin))

    @property
    def is_cloud(self) -> bool:
        """Whether this is PostHog Cloud, whose published limits apply."""
        name = self.origin.host or ""
        return name == "posthog.com" or name.endswith(".posthog.com")

    def own(self, location: str, requested: URL) -> URL | None:
        """Resolve a redirect of `requested`; `None` when it leaves the origin or the sub-path."""
        try:
            url = requested.join(URL(location))
            same = url.origin() == self.origin.origin() and not url.user and not url.password
        except ValueError:
            return None
        return url if same and url.raw_path.startswith(f"{self.base_path}/") else None


def _not_a_host(host: str) -> ConfigurationError:
    return ConfigurationError(
        f"host is the address of a page; the host alone is {host} (the project's number goes into"
        " project_id)"
    )


def check_own_host(named: str, own: str, what: str) -> None:
    """Check that a host named by a text that came from elsewhere is the client's own.

    Raises:
        ConfigurationError: when it is another one, where the key must not go.
    """
    if Address.parse(named) != Address.parse(own):
        raise ConfigurationError(
            f"{what} is for {redacted(named)}, and this client for {own}: the key is not sent to"
            " another host; set POSTHOG_HOST or give env= a client of that host if it is yours"
        )


def project_text(project_id: int | str | None) -> str:
    """Return the path segment of a project.

    Raises:
        ConfigurationError: unless it is a number or `@current`, the project selected in the UI.
    """
    if project_id is None:
        raise ConfigurationError(
            "no project: give project_id or set POSTHOG_PROJECT_ID;"
            " env.projects.list() shows the ids that the key can use"
        )
    text = str(project_id)
    if not _PROJECT.fullmatch(text):
        raise ConfigurationError("project_id must be a whole number (or '@current')")
    return text


def quoted_path(path: str) -> str:
    """Quote a path below the project, so that no part of it can leave the project.

    A leading slash may be left out; the trailing one is added (docs/server.md, Authentication).

    Raises:
        ConfigurationError: for empty, `.` or `..` parts, a query, backslash or control characters.
    """
    parts = path.strip("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or _UNSAFE.search(path):
        raise ConfigurationError(
            "a path has no empty, '.' or '..' parts, no '?', '#', backslash, blank or control"
            " characters; give the query as params"
        )
    return "".join(f"{quote(part, safe='@', errors='replace')}/" for part in parts)
