"""An option that is on or off."""

from cyclopts import Parameter

__all__ = ["FLAG"]

FLAG = Parameter(negative=(), show_default=False)
"""To be named behind the option's own `Parameter`: there is no `--no-…`, and off goes unsaid."""
