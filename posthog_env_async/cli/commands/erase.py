"""`posthog-env erase`: persons, under a ledger, and what became of them."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from posthog_env_async.cli.options.connection import (
    DEFAULT_OPTIONS,
    OTHER_WAIT_OPTIONS,
    ClientOptions,
    OtherWaitOptions,
)
from posthog_env_async.cli.options.deletion import ErasureOptions
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.options.parsing import seconds_of
from posthog_env_async.cli.options.values import check_stdin, values_from
from posthog_env_async.cli.output.console import (
    confirm,
    for_people,
    print_message,
    show_table,
    write_json,
)
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK, USAGE
from posthog_env_async.cli.output.wording import counted
from posthog_env_async.client import PostHogEnv
from posthog_env_async.erasure import ErasureReport, check, erase
from posthog_env_async.errors import ConfigurationError

__all__ = ["app", "erase_persons", "erasure_status"]

EXAMPLES = """Examples:

  posthog-env erase persons --from ids.txt --ledger gdpr-17.ndjson --events
  posthog-env erase persons --from ids.txt --ledger gdpr-17.ndjson --events --yes
  posthog-env erase status gdpr-17.ndjson --wait 7d

Without --yes nobody is erased: the persons and the requests are counted. Killed anywhere, the same
command goes on: nobody is asked for twice without need, nobody is forgotten. A receipt for an
auditor stands beside the ledger."""
MEANINGS = (
    ("found", "persons found"),
    ("not_found", "asked for, and belonging to nobody"),
    ("pending", "not yet asked for"),
    ("deleted", "deleted"),
    ("queued", "accepted by the server, to be deleted by it"),
    ("verified", "events gone, as the server made sure"),
    ("unknown", "not known whether the request arrived"),
    ("failed", "not deleted: the server could not"),
    ("events", "lose their events"),
    ("recordings", "lose their recordings"),
    ("requests", "requests"),
)

app = App(name="erase", help="Erase persons, and prove it.", help_epilogue=EXAMPLES + EXIT_CODES)


@app.command(name="persons")
async def erase_persons(
    *, erasure: ErasureOptions, options: ClientOptions = DEFAULT_OPTIONS
) -> int:
    """Erase persons under a ledger; a dry run that counts them, unless --yes is given."""
    check_stdin(erasure.from_, options.key_file)
    async with options.client() as env:
        if not erasure.yes:
            _show(await _erase(env, erasure, dry_run=True), options)
            print_message("nobody was erased: this was a dry run; --yes erases")
            return OK
        if not await _is_confirmed(env, erasure):
            print_message("nobody was erased")
            return USAGE
        report = await _erase(env, erasure, dry_run=False)
    _show(report, options)
    if not options.quiet:
        print_message(f"receipt: {erasure.ledger}.receipt.txt; {_next(report, erasure.ledger)}")
    return OK if _is_done(report) else INCOMPLETE


@app.command(name="status")
async def erasure_status(
    ledger: Annotated[Path, Parameter(help="The ledger of an erasure.")],
    /,
    *,
    wait: Annotated[
        str | None,
        Parameter(
            help="Ask again for so long, as in 7d, until all events are verified to be gone."
        ),
    ] = None,
    options: OtherWaitOptions = OTHER_WAIT_OPTIONS,
) -> int:
    """Ask what became of the persons of a ledger; exit code 3 until all of it is done."""
    async with options.client() as env:
        report = await check(env, ledger, wait=seconds_of(wait, "--wait"))
    _show(report, options)
    is_verified = report.events == 0 or report.queued + report.deleted == 0
    return OK if _is_done(report) and is_verified else INCOMPLETE


async def _erase(env: PostHogEnv, erasure: ErasureOptions, *, dry_run: bool) -> ErasureReport:
    people = values_from((), erasure.from_, erasure.by)
    return await erase(env, people, dry_run=dry_run, **erasure.settings())


async def _is_confirmed(env: PostHogEnv, erasure: ErasureOptions) -> bool:
    """Count the persons and let a number be typed, where there is a terminal to type at."""
    if not sys.stdin.isatty():
        return True
    if erasure.from_ == "-":
        raise ConfigurationError("on a terminal give --from a file: the count reads it first")
    counts = await _erase(env, erasure, dry_run=True)
    what_goes = erasure.switches.described()
    persons = counted(counts.pending, "person")
    what = f"this erases, of {persons} in project {env.project_id} on {env.host}: {what_goes}"
    return await confirm(what, f"erase {counts.pending}", yes=False)


def _show(report: ErasureReport, options: ClientOptions) -> None:
    fields = {**report.to_dict(), "pending": report.pending}
    if for_people(json=options.json):
        show_table(("", ""), [(f"{fields[name]:,}", meaning) for name, meaning in MEANINGS])
    else:
        write_json(fields)


def _is_done(report: ErasureReport) -> bool:
    return not (report.pending or report.unknown or report.failed)


def _next(report: ErasureReport, ledger: Path) -> str:
    if not _is_done(report):
        return "the same command asks again for those that are not done"
    if report.events:
        return f"posthog-env erase status {ledger} asks whether their events are gone"
    return "done"
