"""A place in the shared limits that was granted to one request."""

import itertools
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator

import attrs

__all__ = ["Lease", "new_ids"]


def new_ids() -> Iterator[str]:
    """Name requests so that no two of any process are the same."""
    process = secrets.token_hex(6)
    return (f"{process}-{os.getpid():x}-{number:x}" for number in itertools.count(1))


@attrs.define(eq=False)
class Lease:
    """A permit that the store granted; it must be used while its lease is known to last."""

    now: Callable[[], float]
    end: "Callable[[Lease], Awaitable[None]]"
    budget: str
    id: str
    valid_until: float

    @property
    def is_expired(self) -> bool:
        """Whether this process was stopped for so long that the place may be another's."""
        return self.now() >= self.valid_until

    async def release(self) -> None:
        """Count the end of the request."""
        await self.end(self)
