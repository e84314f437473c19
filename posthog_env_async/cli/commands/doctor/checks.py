"""What `posthog-env doctor` looks at, one function a check."""

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from posthog_env_async.cli.output.exit_codes import outcome_of
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import (
    APIDeprecationWarning,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    EndpointNotAvailableError,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
    QuotaExceededError,
    RateLimitError,
)
from posthog_env_async.models import APIKeyInfo

__all__ = ["ENDPOINTS", "Check", "Endpoint", "check_endpoint", "check_key", "check_prefix"]

QUESTIONS = "max_tools/create_and_query_insight/"


@attrs.frozen
class Check:
    """What was checked, how it stands (`ok`, `warn`, `fail`), what was found, and what to do."""

    name: str
    verdict: str
    found: str
    fix: str = ""


@attrs.frozen
class Endpoint:
    """An endpoint, the scopes it needs, and a question to it that does no harm."""

    name: str
    scopes: str
    ask: Callable[[PostHogEnv], Awaitable[Any]]


async def _ask_for_nothing(env: PostHogEnv) -> None:
    """Ask PostHog's AI without a question: a 400 shows that it is there, and costs no answer."""
    try:
        await env.request("POST", QUESTIONS, json={}, scope=("insight:read", "query:read"))
    except BadRequestError:
        return


ENDPOINTS = (
    Endpoint("persons", "person:read", lambda env: env.persons.list(page_size=1).page()),
    Endpoint(
        "folders",
        "persisted_folder:read",
        lambda env: env.persisted_folders.list(page_size=1).page(),
    ),
    Endpoint(
        "logs",
        "logs:read (error_tracking:read on older servers)",
        lambda env: env.logs.query(date_from="-1m", page_size=1).page(),
    ),
    Endpoint("ask", "insight:read and query:read", _ask_for_nothing),
    Endpoint("projects", "project:read", lambda env: env.projects.list(page_size=1).page()),
)


async def check_key(env: PostHogEnv) -> tuple[Check, APIKeyInfo | None]:
    """Ask the server about the key: this shows whether it is there, too."""
    try:
        info = await env.key()
    except AuthenticationError as error:
        return Check("key", "fail", f"refused: {error.detail}", outcome_of(error).line), None
    except (PermissionDeniedError, NotFoundError) as error:
        return Check("key", "warn", f"the server does not tell: {error.detail}"), None
    except PostHogError as error:
        fix = "check --host and the network: nothing there answers as PostHog does"
        return Check("server", "fail", str(error), fix), None
    where = f", confined to projects {', '.join(map(str, info.scoped_teams))}"
    scopes = ", ".join(info.scopes) or "none"
    found = f"{info.label or 'no label'}: {scopes}{where if info.scoped_teams else ''}"
    return Check("key", "ok", found), info


async def check_endpoint(env: PostHogEnv, endpoint: Endpoint, *, needed: bool) -> Check:
    """Ask an endpoint; what is not needed only warns."""
    bad = "fail" if needed else "warn"
    try:
        await endpoint.ask(env)
    except MissingScopeError as error:
        return Check(endpoint.name, bad, f"the key lacks {error.scope}", _add(endpoint))
    except EndpointNotAvailableError as error:
        why = str(error).partition(") ")[2]
        return Check(endpoint.name, bad, "not on this server", why if needed else "")
    except RateLimitError as error:
        return Check(endpoint.name, "warn", "there, but throttled", outcome_of(error).line)
    except PostHogError as error:
        return Check(endpoint.name, bad, _short(error), _advice(error))
    return Check(endpoint.name, "ok", "there, and the key may use it")


def check_prefix(env: PostHogEnv, asked: str, noticed: list[warnings.WarningMessage]) -> Check:
    """Say which path the server has, and whether it announces its end."""
    notes = [note for note in noticed if issubclass(note.category, APIDeprecationWarning)]
    if env.prefix != asked:
        return Check("prefix", "warn", f"only /api/{env.prefix}/", f"use --prefix {env.prefix}")
    if notes:
        found = str(notes[0].message).partition(";")[0]
        return Check("prefix", "warn", found, "use --prefix projects")
    return Check("prefix", "ok", f"/api/{asked}/")


def _add(endpoint: Endpoint) -> str:
    return f"add {endpoint.scopes} to the key in PostHog's settings"


def _short(error: PostHogError) -> str:
    return f"{error.status} {error.detail}" if isinstance(error, APIStatusError) else str(error)


def _advice(error: PostHogError) -> str:
    match error:
        case NotFoundError():
            return "check --project: posthog-env projects lists the ids that the key can use"
        case PermissionDeniedError():
            return "check --project, and the projects that the key is confined to"
        case QuotaExceededError():
            return "the organization's quota is used up"
        case _:
            return "try again; if it stays, ask who runs the server"
