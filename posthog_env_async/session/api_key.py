"""The key: what may be one, how it is sent, and what its scopes allow."""

import re
from collections.abc import Iterable, Sequence

import attrs

from posthog_env_async.errors import ConfigurationError, MissingScopeError

__all__ = ["APIKey", "Scopes", "require_scopes"]

Scopes = Sequence[str | tuple[str, ...]]
"""Scopes that a call needs, all of them; a tuple is a choice."""

_KEY = re.compile(r"[\x21-\x7e]+")


class APIKey:
    """A personal API key or OAuth token; shows itself to nobody and does not pickle."""

    __slots__ = ("__secret",)

    def __init__(self, secret: str) -> None:
        """Check `secret`.

        Raises:
            ConfigurationError: for a project token (`phc_`), an empty key, or blanks and control
                characters, such as the line end of a key file.
        """
        is_project_token, is_key = secret.startswith("phc_"), bool(_KEY.fullmatch(secret))
        self.__secret, secret = secret, ""  # so that no traceback with locals shows it
        if is_project_token:
            raise ConfigurationError(
                "a phc_ token is the public project token, which only takes events in; create a"
                " personal API key (phx_…) in PostHog under Settings, Personal API keys"
            )
        if not is_key:
            raise ConfigurationError(
                "the API key is empty or has blanks, control characters or characters outside"
                " ASCII; strip the line end when it is read from a file, or set"
                " POSTHOG_PERSONAL_API_KEY"
            )

    def __repr__(self) -> str:
        return "APIKey(***)"

    def __reduce__(self) -> str:
        raise ConfigurationError(
            "an API key does not pickle; give it to each process by its environment"
        )

    def header(self) -> str:
        """Return the `Authorization` header; the scheme's case matters.

        See docs/server.md, Authentication.
        """
        return f"Bearer {self.__secret}"

    def secret(self) -> str:
        """Return the key itself, to take it out of texts or to hash it."""
        return self.__secret


@attrs.frozen
class _Granted:
    scopes: frozenset[str]

    def allows(self, scope: str) -> bool:
        wanted, _, action = scope.partition(":")
        return bool(
            {"*", scope} & self.scopes or (action == "read" and f"{wanted}:write" in self.scopes)
        )


def require_scopes(
    needed: Scopes, granted: Iterable[str], *, method: str = "", url: str = ""
) -> None:
    """Check that a key's scopes allow a call; write implies read, `*` is all.

    Raises:
        MissingScopeError: naming the first scope that is missing; nothing was sent.
    """
    key = _Granted(frozenset(granted))
    for choice in needed:
        names = (choice,) if isinstance(choice, str) else choice
        if not any(key.allows(name) for name in names):
            raise MissingScopeError(
                f"the key lacks the scope {' or '.join(names)}; add it to the key in PostHog's"
                " settings (nothing was sent)",
                scope=names[0],
                code="permission_denied",
                detail=f"API key missing required scope '{names[0]}'",
                method=method,
                url=url,
                attempts=0,
                sent=False,
            )
