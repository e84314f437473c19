"""A limiter that the processes of one machine share through a file, without a server."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from os import PathLike, fspath
from typing import Literal, Self, TypeVar

import anyio.to_thread
import attrs

from posthog_env_async.errors import ConfigurationError, LimiterUnavailableError
from posthog_env_async.integrations.shared_limits.key_digest import name_of
from posthog_env_async.integrations.shared_limits.limiter import SharedLimiter
from posthog_env_async.integrations.shared_limits.sqlite_store import Clock, SQLiteBudget
from posthog_env_async.integrations.shared_limits.store import LEASE, Grant, Share
from posthog_env_async.session import CLOUD_LIMITS, Limit, Limits, as_limits

__all__ = ["SQLiteLimitStore", "SQLiteLimiter", "Share"]

T = TypeVar("T")

BUSY = 30.0


class SQLiteLimiter(SharedLimiter):
    """The limits of one API key, shared by every process that names the same file and `name`.

    .. code-block:: python

        async with SQLiteLimiter("/var/tmp/posthog-limits.db") as limiter:
            async with PostHogEnv(1, limiter=limiter) as env:
                ...

    The file lies on a local disk: SQLite's locks are not kept on network drives.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        limits: Limits | Sequence[Limit] | None = CLOUD_LIMITS,
        *,
        name: str = "default",
        on_unavailable: Literal["raise"] | Share = "raise",
        lease: float = LEASE,
    ) -> None:
        """Describe the limiter; the file is made before the first request.

        Args:
            path: the file; SQLite keeps two more beside it.
            limits: the same in all processes.
            name: one for each API key, since the server counts by key; `for_key` makes it.
            on_unavailable: raise while the file is locked by others, or go on with a `Share`.
            lease: seconds after which the place of a process that died is free again.
        """
        store = SQLiteLimitStore(fspath(path), name, lease)
        super().__init__(store, as_limits(limits), on_unavailable=on_unavailable, lease=lease)

    @classmethod
    def for_key(
        cls,
        path: str | PathLike[str],
        api_key: str,
        limits: Limits | Sequence[Limit] | None = CLOUD_LIMITS,
        *,
        on_unavailable: Literal["raise"] | Share = "raise",
        lease: float = LEASE,
    ) -> Self:
        """Return the limiter named by a hash of an API key; the key itself goes nowhere."""
        return cls(path, limits, name=name_of(api_key), on_unavailable=on_unavailable, lease=lease)


@attrs.define(eq=False)
class SQLiteLimitStore:
    """The state in a file: each step is one transaction, made in a worker thread.

    It waits `busy` seconds for a file that another process has locked.
    """

    path: str
    name: str
    lease: float = LEASE
    busy: float = BUSY
    clock: Clock = attrs.field(factory=lambda: Clock(time.time, time.monotonic))
    _connection: sqlite3.Connection | None = attrs.field(default=None, init=False)
    _identity: tuple[int, int] | None = attrs.field(default=None, init=False)
    _one_at_a_time: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    @property
    def shown(self) -> str:
        """Where it is."""
        return f"the file {self.path} and the name {self.name!r}"

    async def acquire(self, budget: str, limits: Sequence[Limit], id: str, ticket: int) -> Grant:
        """Take a place in every window, or queue for one."""
        return await self._step(lambda state: state.acquire(limits, id, ticket), budget)

    async def cancel(self, budget: str, id: str) -> None:
        """Cancel a request that will not be sent."""
        await self._step(lambda state: state.cancel(id), budget)

    async def release(self, budget: str, limits: Sequence[Limit], id: str) -> None:
        """Count the end of a request."""
        await self._step(lambda state: state.release(limits, id), budget)

    async def renew(self, leases: Sequence[tuple[str, str]]) -> None:
        """Renew the leases of requests."""
        for budget in {name for name, _ in leases}:
            ids = [id for name, id in leases if name == budget]
            await self._step(_renewed(ids), budget)

    async def block(self, budget: str, limits: Sequence[Limit], seconds: float) -> None:
        """Block the budget for so many seconds."""
        await self._step(lambda state: state.block(seconds), budget)

    async def used(self, budget: str, limits: Sequence[Limit]) -> Sequence[int]:
        """Return how many places of each window are taken."""
        return await self._step(lambda state: state.used(limits), budget)

    async def aclose(self) -> None:
        """Close the file."""
        await anyio.to_thread.run_sync(self._close)

    async def _step(self, step: Callable[[SQLiteBudget], T], budget: str) -> T:
        return await anyio.to_thread.run_sync(self._transaction, step, f"{self.name}:{budget}")

    def _transaction(self, step: Callable[[SQLiteBudget], T], budget: str) -> T:
        try:
            with self._one_at_a_time, closing(self._open().cursor()) as cursor:
                self._check_file()
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    result = step(SQLiteBudget(cursor, budget, self.clock, self.lease))
                    cursor.execute("COMMIT")
                finally:
                    if cursor.connection.in_transaction:
                        cursor.execute("ROLLBACK")
                return result
        except sqlite3.Error as error:
            code: int = getattr(error, "sqlite_errorcode", 0)
        raise self._failure(code & 0xFF)

    def _failure(self, code: int) -> LimiterUnavailableError | ConfigurationError:
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return LimiterUnavailableError(
                f"the file of the shared limiter was locked for {self.busy:.0f} s, and nothing was"
                " sent; end the process that keeps it, or pass on_unavailable=Share(processes)"
            )
        return ConfigurationError(
            f"the file of the shared limiter cannot be used (SQLite error {code}); name a file on a"
            " local disk that this process may write, in a folder that exists"
        )

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            # SQLite gives the files beside it the same mode.
            with suppress(OSError):
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(
                self.path, timeout=self.busy, isolation_level=None, check_same_thread=False
            )
            self._connection = connection
            for line in SQLiteBudget.SCHEMA:
                connection.execute(line)
        return self._connection

    def _check_file(self) -> None:
        """Check that the path still names the file that was opened.

        Raises:
            LimiterUnavailableError: when it was deleted or replaced: nobody else sees this one.
        """
        try:
            status = os.stat(self.path)
        except OSError:
            identity = None
        else:
            identity = status.st_dev, status.st_ino
        if self._identity is None:
            self._identity = identity
        if identity is None or identity != self._identity:
            raise LimiterUnavailableError(
                "the file of the shared limiter was deleted or replaced while it was in use, and"
                " nothing was sent; restart all processes that share it",
                retryable=False,
            )

    def _close(self) -> None:
        with self._one_at_a_time:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def _renewed(ids: Sequence[str]) -> Callable[[SQLiteBudget], None]:
    return lambda state: state.renew(ids)
