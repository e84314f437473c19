"""`posthog-env doctor`: what works with this host, key and project, and what to fix."""

import warnings
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import attrs
from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_OPTIONS, ClientOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.options.parsing import key_from
from posthog_env_async.cli.output.console import for_people, print_message, show_table, write_json
from posthog_env_async.cli.output.exit_codes import FAILED, OK, USAGE, outcome_of
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import (
    APIDeprecationWarning,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    EndpointNotAvailableError,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
    QuotaExceededError,
    RateLimitError,
)

__all__ = ["app", "doctor"]

EXAMPLES = """Examples:

  posthog-env doctor --project 1
  posthog-env doctor --host eu --need persons --need logs
  posthog-env doctor --json | jq 'select(.verdict != "ok")'

Exit code 0 when all that you need works, 1 when something is to fix, 2 without key or project."""

QUESTIONS = "max_tools/create_and_query_insight/"
Need = Literal["persons", "folders", "logs", "ask", "projects"]

app = App(name="doctor", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def doctor(
    *,
    need: Annotated[
        tuple[Need, ...],
        Parameter(help="What has to work; the rest only warns. May be repeated."),
    ] = ("persons",),
    options: ClientOptions = DEFAULT_OPTIONS,
) -> int:
    """Check host, key, scopes, prefix and which endpoints the server has, and say what to fix."""
    checks, code = await _examine(options, frozenset(need))
    if for_people(json=options.json):
        rows = [(check.verdict, check.name, check.found, check.fix) for check in checks]
        show_table(("", "what", "found", "what to do"), rows)
    else:
        for check in checks:
            write_json(attrs.asdict(check))
    if not options.quiet:
        print_message("all that you need works" if code == OK else "something is to fix")
    return code


@attrs.frozen
class _Check:
    """What was checked, its verdict (`ok`, `warn`, `fail`), what was found, and what to do."""

    name: str
    verdict: str
    found: str
    fix: str = ""


@attrs.frozen
class _Endpoint:
    """An endpoint, the scopes it needs, and a request to it that changes nothing."""

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
    _Endpoint("persons", "person:read", lambda env: env.persons.list(page_size=1).page()),
    _Endpoint(
        "folders",
        "persisted_folder:read",
        lambda env: env.persisted_folders.list(page_size=1).page(),
    ),
    _Endpoint(
        "logs",
        "logs:read (error_tracking:read on older servers)",
        lambda env: env.logs.query(date_from="-1m", page_size=1).page(),
    ),
    _Endpoint("ask", "insight:read and query:read", _ask_for_nothing),
    _Endpoint("projects", "project:read", lambda env: env.projects.list(page_size=1).page()),
)


async def _examine(options: ClientOptions, needed: frozenset[str]) -> tuple[list[_Check], int]:
    if options.prefix == "auto":  # which would go over to the other without a word
        options = attrs.evolve(options, prefix="environments")
    try:
        client = options.client_for(key_from(options.key_file))
    except ConfigurationError as error:
        return [_Check("settings", "fail", "not usable", str(error))], USAGE
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        async with client as env:
            checks = await _ask_all(env, needed)
            if not any(check.name == "server" for check in checks):
                checks.insert(2, _check_prefix(env, options.prefix, noticed))
    failed = any(check.verdict == "fail" for check in checks)
    unusable = any(check.name == "project" and check.verdict == "fail" for check in checks)
    return checks, USAGE if unusable else FAILED if failed else OK


async def _ask_all(env: PostHogEnv, needed: frozenset[str]) -> list[_Check]:
    key = await _check_key(env)
    if key.name == "server":
        return [_Check("host", "fail", env.host), key]
    checks = [_Check("host", "ok", env.host), key]
    if key.verdict == "fail":
        return checks
    try:
        checks.append(_Check("project", "ok", env.project_id))
    except ConfigurationError as error:
        return [*checks, _Check("project", "fail", "none given", str(error))]
    endpoints = [
        await _check_endpoint(env, endpoint, needed=endpoint.name in needed)
        for endpoint in ENDPOINTS
    ]
    return checks + endpoints


async def _check_key(env: PostHogEnv) -> _Check:
    """Check the key, and with it whether the server answers."""
    try:
        info = await env.key()
    except AuthenticationError as error:
        return _Check("key", "fail", f"refused: {error.detail}", outcome_of(error).line)
    except (PermissionDeniedError, NotFoundError) as error:
        return _Check("key", "warn", f"the server does not tell: {error.detail}")
    except PostHogError as error:
        fix = "check --host and the network: nothing there answers as PostHog does"
        return _Check("server", "fail", str(error), fix)
    where = f", confined to projects {', '.join(map(str, info.scoped_teams))}"
    scopes = ", ".join(info.scopes) or "none"
    found = f"{info.label or 'no label'}: {scopes}{where if info.scoped_teams else ''}"
    return _Check("key", "ok", found)


async def _check_endpoint(env: PostHogEnv, endpoint: _Endpoint, *, needed: bool) -> _Check:
    """Check an endpoint; a failure of one that is not needed is a warning."""
    bad = "fail" if needed else "warn"
    try:
        await endpoint.ask(env)
    except MissingScopeError as error:
        return _Check(endpoint.name, bad, f"the key lacks {error.scope}", _add(endpoint))
    except EndpointNotAvailableError as error:
        why = str(error).partition(") ")[2]
        return _Check(endpoint.name, bad, "not on this server", why if needed else "")
    except RateLimitError as error:
        return _Check(endpoint.name, "warn", "there, but throttled", outcome_of(error).line)
    except PostHogError as error:
        return _Check(endpoint.name, bad, _short(error), _advice(error))
    return _Check(endpoint.name, "ok", "there, and the key may use it")


def _check_prefix(env: PostHogEnv, prefix: str, noticed: list[warnings.WarningMessage]) -> _Check:
    """Check which path the server has, and whether it is deprecated."""
    notes = [note for note in noticed if issubclass(note.category, APIDeprecationWarning)]
    if env.prefix != prefix:
        return _Check("prefix", "warn", f"only /api/{env.prefix}/", f"use --prefix {env.prefix}")
    if notes:
        found = str(notes[0].message).partition(";")[0]
        return _Check("prefix", "warn", found, "use --prefix projects")
    return _Check("prefix", "ok", f"/api/{prefix}/")


def _add(endpoint: _Endpoint) -> str:
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
