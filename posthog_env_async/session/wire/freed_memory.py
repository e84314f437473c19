"""What Python's C library does with the memory of bodies and rows that were let go."""

from functools import cache

__all__ = ["keep_freed_memory"]

BLOCK = 16 << 20


@cache
def keep_freed_memory() -> None:
    """Let the process keep the memory of a page for the next one, at most 32 MB of it.

    glibc gives freed memory back to the system above twice the largest block that was ever freed,
    and a page that comes then pays for each 4 KB of it anew: as much as decoding it costs. The
    block is never written to, so it takes no memory itself.
    """
    bytes(BLOCK)
