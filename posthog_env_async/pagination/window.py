"""A range of raw rows to ask the server for."""

import attrs

__all__ = ["Window"]


@attrs.frozen
class Window:
    """A range of raw rows: from `start`, at most `limit`."""

    start: int
    limit: int

    @property
    def end(self) -> int:
        """The first row behind the window."""
        return self.start + self.limit
