"""A block that ends when its client is closed."""

import asyncio

__all__ = ["UntilClosed"]


class UntilClosed:
    """Ends its block when the client is closed meanwhile; what follows then says so.

    As `asyncio.timeout` does: the cancellation that it began is its own, any other passes.
    """

    __slots__ = ("_calls", "_is_closing", "_requests", "_task")

    def __init__(self, calls: "set[UntilClosed]") -> None:
        self._calls = calls
        self._is_closing = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - told to the type checkers
        self._task, self._requests = task, task.cancelling()
        self._calls.add(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._calls.discard(self)
        if not self._is_closing:
            return False
        is_own = self._task.uncancel() <= self._requests
        return is_own and kind is asyncio.CancelledError

    def close(self) -> None:
        """Break off the block."""
        if not self._is_closing:
            self._is_closing = True
            self._task.cancel()
