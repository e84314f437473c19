"""Options that say how a command speaks, and what every help ends with."""

from typing import Annotated

import attrs
from cyclopts import Group, Parameter

__all__ = ["DEFAULT_OUTPUT", "EXIT_CODES", "OutputOptions"]

OUTPUT = Group("Output", sort_key=80)
EXIT_CODES = (
    "\n\nExit codes: 0 done · 1 failed · 2 wrong use or configuration · 3 incomplete, or not"
    " verified · 75 the rate limit needs a longer wait · 130 and 143 stopped by Ctrl-C and SIGTERM"
)
"""What stands behind the examples of a command."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class OutputOptions:
    """How a command speaks."""

    json: Annotated[
        bool, Parameter(help="Write JSON lines to stdout, even on a terminal.", group=OUTPUT)
    ] = False
    quiet: Annotated[bool, Parameter(help="Write only errors to stderr.", group=OUTPUT)] = False
    verbose: Annotated[
        bool, Parameter(help="Also write every failed attempt to stderr.", group=OUTPUT)
    ] = False


DEFAULT_OUTPUT = OutputOptions()
