"""`posthog-env doctor`: what works with this host, key and project, and what to fix."""

import warnings
from typing import Annotated, Literal

import attrs
from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import DEFAULT_CONNECTION, Connection
from posthog_env_async.cli.options.help import epilogue
from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, print_message, show_table, write_json
from posthog_env_async.cli.output.exit_codes import FAILED, OK, USAGE
from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError

from .checks import ENDPOINTS, Check, check_endpoint, check_key, check_prefix

__all__ = ["app", "doctor"]

EXAMPLES = """Examples:

  posthog-env doctor --project 1
  posthog-env doctor --host eu --need persons --need logs
  posthog-env doctor --json | jq 'select(.verdict != "ok")'

Exit code 0 when all that you need works, 1 when something is to fix, 2 without key or project."""

Need = Literal["persons", "folders", "logs", "ask", "projects"]

app = App(name="doctor", help_epilogue=epilogue(EXAMPLES))


@app.default
async def doctor(
    *,
    need: Annotated[
        tuple[Need, ...],
        Parameter(help="What has to work; the rest only warns. May be repeated.", negative=()),
    ] = ("persons",),
    output: OutputOptions = DEFAULT_OUTPUT,
    connection: Connection = DEFAULT_CONNECTION,
) -> int:
    """Check host, key, scopes, prefix and which endpoints the server has, and say what to fix."""
    checks, code = await _examine(connection, frozenset(need))
    if for_people(json=output.json):
        rows = [(check.verdict, check.name, check.found, check.fix) for check in checks]
        show_table(("", "what", "found", "what to do"), rows)
    else:
        for check in checks:
            write_json(attrs.asdict(check))
    if not output.quiet:
        print_message("all that you need works" if code == OK else "something is to fix")
    return code


async def _examine(connection: Connection, needed: frozenset[str]) -> tuple[list[Check], int]:
    if connection.prefix == "auto":  # which would go over to the other without a word
        connection = attrs.evolve(connection, prefix="environments")
    try:
        client = connection.described(connection.key())
    except ConfigurationError as error:
        return [Check("settings", "fail", "not usable", str(error))], USAGE
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        async with client as env:
            checks = await _ask_all(env, needed)
            if not any(check.name == "server" for check in checks):
                checks.insert(2, check_prefix(env, connection.prefix, noticed))
    failed = any(check.verdict == "fail" for check in checks)
    unusable = any(check.name == "project" and check.verdict == "fail" for check in checks)
    return checks, USAGE if unusable else FAILED if failed else OK


async def _ask_all(env: PostHogEnv, needed: frozenset[str]) -> list[Check]:
    key, _ = await check_key(env)
    if key.name == "server":
        return [Check("host", "fail", env.host), key]
    checks = [Check("host", "ok", env.host), key]
    if key.verdict == "fail":
        return checks
    try:
        checks.append(Check("project", "ok", env.project_id))
    except ConfigurationError as error:
        return [*checks, Check("project", "fail", "none given", str(error))]
    asked = [
        await check_endpoint(env, endpoint, needed=endpoint.name in needed)
        for endpoint in ENDPOINTS
    ]
    return checks + asked
