"""`posthog-env verify`: files against their manifests."""

from pathlib import Path
from typing import Annotated

import anyio
from cyclopts import App, Parameter

from posthog_env_async.cli.options.output import DEFAULT_OUTPUT, EXIT_CODES, OutputOptions
from posthog_env_async.cli.output.console import for_people, print_message, write_json
from posthog_env_async.cli.output.exit_codes import INCOMPLETE, OK
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.export import VerifyReport
from posthog_env_async.export import verify as verify_file

__all__ = ["app", "verify"]

EXAMPLES = """Examples:

  posthog-env verify persons.ndjson.gz
  posthog-env verify people --quiet && echo all is there

Exit code 0 when every file is as its manifest says and its listing was complete, else 3."""

app = App(name="verify", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def verify(
    *paths: Annotated[
        Path, Parameter(help="A file, its manifest, or a folder with all below; or several.")
    ],
    output: OutputOptions = DEFAULT_OUTPUT,
) -> int:
    """Check exported files against their manifests: there, whole, unchanged, and complete."""
    if not paths:
        raise ConfigurationError("name a file or a folder to verify (--help shows how)")
    code = OK
    for file in [file for path in paths for file in await _files(path)]:
        report = await verify_file(file)
        _show(report, output)
        code = code if report.ok else INCOMPLETE
    return code


async def _files(path: Path) -> list[Path]:
    """Return what to verify below a path: of a folder the manifests, of which there must be one."""
    if not await anyio.Path(path).is_dir():
        return [path]
    manifests = sorted([Path(file) async for file in anyio.Path(path).rglob("*.manifest.json")])
    if not manifests:
        raise ConfigurationError(f"{path} holds no manifest (*.manifest.json) of an export")
    return manifests


def _show(report: VerifyReport, output: OutputOptions) -> None:
    rows = None if report.manifest is None else report.manifest.rows
    if not for_people(json=output.json):
        write_json(
            {"path": report.path, "ok": report.ok, "rows": rows, "problems": report.problems}
        )
    if report.ok and not output.quiet:
        print_message(f"OK {report.path}: {rows:,} rows", style="green")
    for problem in report.problems:
        print_message(f"WRONG {report.path}: {problem}", style="red")
