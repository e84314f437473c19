"""Options that say how a command speaks."""

from typing import Annotated

import attrs
from cyclopts import Group, Parameter

from .flags import FLAG

__all__ = ["DEFAULT_OUTPUT", "OutputOptions"]

OUTPUT = Group("Output", sort_key=80)


@Parameter(name="*", group=OUTPUT)
@attrs.frozen(kw_only=True)
class OutputOptions:
    """How a command speaks."""

    json: Annotated[
        bool, Parameter(help="Write JSON lines to stdout, even on a terminal."), FLAG
    ] = False
    quiet: Annotated[bool, Parameter(help="Write only errors to stderr."), FLAG] = False
    verbose: Annotated[bool, Parameter(help="Also write every failed attempt to stderr."), FLAG] = (
        False
    )


DEFAULT_OUTPUT = OutputOptions()
