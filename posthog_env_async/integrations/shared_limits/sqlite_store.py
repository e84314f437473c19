"""The state of a budget in SQLite: statements of one transaction, as the scripts in Redis."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import attrs

from posthog_env_async.session import Limit
from posthog_env_async.session.rate_limiter import MAX_AT_ONCE

from .store import GRACE, POLL_INTERVAL, RAMP_POLL, Grant

__all__ = ["Clock", "SQLiteBudget"]


@attrs.frozen
class Clock:
    """A clock for all processes of a machine, from two that each may be wrong.

    The wall's may be set, the monotonic one starts anew with the machine: time goes on by the
    lesser of the two steps, so no window ever ends too early.
    """

    wall: Callable[[], float]
    monotonic: Callable[[], float]

    def after(self, time: float, wall: float, monotonic: float) -> tuple[float, float, float]:
        """Return the time, and what both clocks show, given what they were."""
        new_wall, new_monotonic = self.wall(), self.monotonic()
        step = new_wall - wall
        if new_monotonic >= monotonic:
            step = min(step, new_monotonic - monotonic)
        return time + max(0.0, step), new_wall, new_monotonic


@attrs.define
class SQLiteBudget:
    """One budget, within a transaction that nobody else is in."""

    SCHEMA: ClassVar[tuple[str, ...]] = (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        "CREATE TABLE IF NOT EXISTS ended (budget, id, at REAL, PRIMARY KEY (budget, id))",
        "CREATE INDEX IF NOT EXISTS ended_at ON ended (budget, at)",
        "CREATE TABLE IF NOT EXISTS leases (budget, id, until REAL, PRIMARY KEY (budget, id))",
        "CREATE TABLE IF NOT EXISTS queue (budget, id, ticket INTEGER, promised REAL,"
        " PRIMARY KEY (budget, id))",
        "CREATE TABLE IF NOT EXISTS budgets (budget PRIMARY KEY, ticket INTEGER,"
        " blocked_until REAL, at_once INTEGER, now REAL, wall REAL, monotonic REAL)",
    )

    cursor: sqlite3.Cursor
    budget: str
    clock: Clock
    lease: float
    now: float = attrs.field(init=False)
    blocked_until: float = attrs.field(init=False)
    at_once: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._do("INSERT OR IGNORE INTO budgets VALUES (?, 0, 0, 0, 0, 0, 0)")
        self.blocked_until, self.at_once = self._row("SELECT blocked_until, at_once FROM budgets")
        after = self.clock.after(*self._row("SELECT now, wall, monotonic FROM budgets"))
        self.now = after[0]
        self._change("UPDATE budgets SET now = ?, wall = ?, monotonic = ?", *after)
        self._end_expired()

    def acquire(self, limits: Sequence[Limit], id: str, ticket: int) -> Grant:
        """Take a place in every window, or queue for one."""
        self._drop("DELETE FROM queue", "promised <= ?", self.now)
        queued = self._count("queue", "ticket < ?", ticket or 1 << 62)
        busy = queued + self._count("leases")
        wait = max(
            self.blocked_until - self.now, *(self._wait(limit, busy) for limit in limits), 0.0
        )
        if self.at_once and busy >= self.at_once:
            wait = max(wait, RAMP_POLL)
        if wait <= 0:
            self._drop("DELETE FROM queue", "id = ?", id)
            self._do("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", id, self.now + self.lease)
            return Grant(granted=True, wait=0.0, ticket=ticket, blocked=0.0)
        ticket = ticket or self._next_ticket()
        promised = self.now + min(wait, POLL_INTERVAL) + GRACE
        self._do("INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?)", id, ticket, promised)
        return Grant(
            granted=False, wait=wait, ticket=ticket, blocked=max(0.0, self.blocked_until - self.now)
        )

    def cancel(self, id: str) -> None:
        """Cancel a request that will not be sent."""
        self._drop("DELETE FROM queue", "id = ?", id)
        self._drop("DELETE FROM leases", "id = ?", id)

    def release(self, limits: Sequence[Limit], id: str) -> None:
        """Count the end of a request."""
        self._drop("DELETE FROM leases", "id = ?", id)
        if limits:
            longest = max(limit.seconds for limit in limits)
            self._drop("DELETE FROM ended", "at <= ?", self.now - longest)
            self._do("INSERT OR REPLACE INTO ended VALUES (?, ?, ?)", id, self.now)
        if self.at_once and self.now >= self.blocked_until:
            wider = self.at_once * 2 if self.at_once < MAX_AT_ONCE else 0
            self._change("UPDATE budgets SET at_once = ?", wider)

    def renew(self, ids: Sequence[str]) -> None:
        """Renew the leases of requests."""
        for id in ids:
            self._drop("DELETE FROM ended", "id = ?", id)
            self._do("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", id, self.now + self.lease)

    def block(self, seconds: float) -> None:
        """Block the budget for so many seconds; then one request at a time may start."""
        self._change(
            "UPDATE budgets SET blocked_until = ?, at_once = 1",
            max(self.blocked_until, self.now + seconds),
        )

    def used(self, limits: Sequence[Limit]) -> Sequence[int]:
        """Return how many places of each window are taken."""
        leases = self._count("leases")
        return [leases + self._count("ended", "at > ?", self.now - x.seconds) for x in limits]

    def _end_expired(self) -> None:
        """Count requests whose lease ran out as ended then: nobody knows when they were sent."""
        self._do(
            "INSERT OR REPLACE INTO ended SELECT budget, id, until FROM leases"
            " WHERE budget = ? AND until <= ?",
            self.now,
        )
        self._drop("DELETE FROM leases", "until <= ?", self.now)

    def _wait(self, limit: Limit, busy: int) -> float:
        free = limit.requests - busy
        if free <= 0:
            return limit.seconds
        found = self._do(
            "SELECT at FROM ended WHERE budget = ? ORDER BY at DESC LIMIT 1 OFFSET ?", free - 1
        ).fetchone()
        return 0.0 if found is None else found[0] + limit.seconds - self.now

    def _next_ticket(self) -> int:
        self._change("UPDATE budgets SET ticket = ticket + 1")
        ticket: int = self._row("SELECT ticket FROM budgets")[0]
        return ticket

    def _count(self, table: str, condition: str = "1", *values: float) -> int:
        text = f"SELECT count(*) FROM {table} WHERE budget = ? AND {condition}"  # noqa: S608
        found: int = self._do(text, *values).fetchone()[0]
        return found

    def _row(self, text: str) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._do(f"{text} WHERE budget = ?").fetchone()
        return found

    def _drop(self, text: str, condition: str, value: float | str) -> None:
        self._do(f"{text} WHERE budget = ? AND {condition}", value)

    def _change(self, text: str, *values: float) -> None:
        self.cursor.execute(f"{text} WHERE budget = ?", (*values, self.budget))

    def _do(self, text: str, *values: float | str) -> sqlite3.Cursor:
        return self.cursor.execute(text, (self.budget, *values))
