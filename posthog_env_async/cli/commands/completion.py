"""`posthog-env completion`: what a shell needs to complete commands and options."""

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

from posthog_env_async.cli.app import build
from posthog_env_async.cli.options.output import EXIT_CODES
from posthog_env_async.cli.output.console import print_message
from posthog_env_async.cli.output.exit_codes import OK

__all__ = ["app", "completion"]

EXAMPLES = """Examples:

  eval "$(posthog-env completion bash)"          for this shell
  posthog-env completion zsh --install           for every new one"""

app = App(name="completion", help_epilogue=EXAMPLES + EXIT_CODES)


@app.default
async def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Which shell.")],
    /,
    *,
    install: Annotated[
        bool, Parameter(help="Write it to where the shell finds it, and say where.")
    ] = False,
) -> int:
    """Print the completion of commands and options for a shell, or install it."""
    everything = build()
    if not install:
        sys.stdout.write(everything.generate_completion(shell=shell))
        return OK
    path = everything.install_completion(shell=shell)
    print_message(f"wrote {path}; open a new shell")
    return OK
