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

    json: Annotated[bool, Parameter(help="JSON lines on stdout, on a terminal too."), FLAG] = False
    quiet: Annotated[bool, Parameter(help="On stderr nothing but errors."), FLAG] = False
    verbose: Annotated[
        bool, Parameter(help="On stderr every attempt that failed, and why."), FLAG
    ] = False


DEFAULT_OUTPUT = OutputOptions()
