"""`posthog-env verify`: files against their manifests."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, OutputOptions
from posthog_env_async.cli.output.console import for_people, say, write_json
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.cli.output.runner import run
from posthog_env_async.export import VerifyReport
from posthog_env_async.export import verify as verify_file

__all__ = ["VERIFY_EXAMPLES", "verify"]

VERIFY_EXAMPLES = """Examples:

  posthog-env verify persons.ndjson.zst
  posthog-env verify people/*.manifest.json --quiet && echo all is there

Exit code 0 when every file is as its manifest says and its listing was complete, else 3."""


def verify(
    *paths: Annotated[Path, Parameter(help="A file, or its manifest; or several.")],
    loudness: OutputOptions = DEFAULT_OUTPUT,
) -> int:
    """Check exported files against their manifests: there, whole, unchanged, and complete."""

    async def job() -> int:
        code = OK
        for path in paths:
            report = await verify_file(path)
            _say(report, loudness)
            code = code if report.ok else INCOMPLETE
        return code

    if not paths:
        say("error: name a file to verify (--help shows how)", style="red")
        return 2
    return run(job, quiet=loudness.quiet)


def _say(report: VerifyReport, loudness: OutputOptions) -> None:
    rows = None if report.manifest is None else report.manifest.rows
    if not for_people(json=loudness.json):
        write_json(
            {"path": report.path, "ok": report.ok, "rows": rows, "problems": report.problems}
        )
    if report.ok and not loudness.quiet:
        say(f"OK {report.path}: {rows:,} rows", style="green")
    for problem in report.problems:
        say(f"WRONG {report.path}: {problem}", style="red")
