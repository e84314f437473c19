"""Keys and what they may do (docs/server.md, Authentication)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import attrs
import msgspec

from .errors import hog, permission_denied
from .response import RefusedError

__all__ = ["DEFAULT_KEY", "Key", "Keyring"]

DEFAULT_KEY = "phx_fake0Key0For0Tests0Only0000000000000000000"
BEARER = re.compile(r"^Bearer\s+(\S.+)$")
CHALLENGE = 'Bearer resource_metadata="{origin}/.well-known/oauth-protected-resource"'
CREATED = "2026-01-01T00:00:00.000000Z"


@attrs.frozen
class Key:
    """Hold one key: `phx_…` personal, `pha_…` OAuth, `phs_…` project secret."""

    text: str = attrs.field(repr=False)
    label: str = attrs.field(default="fake", kw_only=True)
    scopes: tuple[str, ...] = attrs.field(default=("*",), kw_only=True)
    scoped_teams: tuple[int, ...] = attrs.field(default=(), kw_only=True)
    scoped_organizations: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    user: int = attrs.field(default=7, kw_only=True)
    expired: bool = attrs.field(default=False, kw_only=True)

    @property
    def is_oauth(self) -> bool:
        """Tell whether this is an OAuth access token."""
        return self.text.startswith("pha_")

    def require(self, scopes: Iterable[str]) -> None:
        """Refuse when a scope is missing; write implies read, `*` is all."""
        for scope in scopes:
            noun, _, verb = scope.partition(":")
            if not {"*", scope, f"{noun}:write" if verb == "read" else scope} & {*self.scopes}:
                raise permission_denied(f"API key missing required scope '{scope}'")

    def require_project(self, project: int) -> None:
        """Refuse when the key is scoped to other projects."""
        if self.scoped_teams and project not in self.scoped_teams:
            raise permission_denied(
                f"API key does not have access to the requested project: ID {project}."
            )

    def record(self) -> dict[str, Any]:
        """Show the key as `personal_api_keys/@current` does."""
        return {
            "id": f"key-{self.user}-{self.label}",
            "label": self.label,
            "value": None,
            "mask_value": f"{self.text[:4]}...{self.text[-4:]}",
            "created_at": CREATED,
            "last_used_at": CREATED,
            "last_rolled_at": None,
            "user_id": self.user,
            "scopes": [*self.scopes],
            "scoped_teams": [*self.scoped_teams],
            "scoped_organizations": [*self.scoped_organizations],
        }


@attrs.define
class Keyring:
    """Know the keys of the fake."""

    keys: dict[str, Key] = attrs.field(factory=dict[str, Key])

    def add(self, key: Key) -> None:
        """Make a key known."""
        self.keys[key.text] = key

    def authenticate(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, origin: str
    ) -> Key:
        """Find who is asking, or refuse with a 401."""
        challenge = {"WWW-Authenticate": CHALLENGE.format(origin=origin)}
        found = _credential(headers, query, body)
        if found is None:
            text = "Authentication credentials were not provided."
            raise _unauthorized("not_authenticated", text, challenge)
        text, source = found
        key = self.keys.get(text)
        if key is None and text.startswith("phs_"):
            raise permission_denied("This action does not support project secret API key access")
        if key is None and text.startswith("pha_"):
            raise _unauthorized("authentication_failed", "Invalid access token.", challenge)
        if key is None:
            detail = f"Personal API key found in request {source} is invalid."
            raise _unauthorized("authentication_failed", detail, challenge)
        if key.expired:
            raise _unauthorized("authentication_failed", "Access token has expired.", challenge)
        return key


def _unauthorized(code: str, detail: str, headers: Mapping[str, str]) -> RefusedError:
    return hog(401, "authentication_error", code, detail, headers=headers)


def _credential(
    headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> tuple[str, str] | None:
    match = BEARER.match(headers.get("Authorization", ""))
    if match is not None:
        return match.group(1).strip(), "Authorization header"
    in_body = _from_body(headers.get("Content-Type", ""), body)
    if in_body is not None:
        return in_body, "body"
    in_query = query.get("personal_api_key")
    return None if in_query is None else (in_query, "query string")


def _from_body(content_type: str, body: bytes) -> str | None:
    if b"personal_api_key" not in body:
        return None
    if "urlencoded" in content_type:
        return dict(parse_qsl(body.decode(errors="replace"))).get("personal_api_key")
    try:
        found = msgspec.json.decode(body, type=dict[str, Any]).get("personal_api_key")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, str) else None
