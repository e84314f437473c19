"""The books of a budget in SQLite: statements of one transaction, as the scripts in Redis."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import attrs

from posthog_env_async.session import Limit
from posthog_env_async.session.limits import WIDE_OPEN

from .store import GRACE, POLL_INTERVAL, RAMP_POLL, Turn

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
        "CREATE TABLE IF NOT EXISTS ended (budget, who, at REAL, PRIMARY KEY (budget, who))",
        "CREATE INDEX IF NOT EXISTS ended_at ON ended (budget, at)",
        "CREATE TABLE IF NOT EXISTS flying (budget, who, lease REAL, PRIMARY KEY (budget, who))",
        "CREATE TABLE IF NOT EXISTS waiting (budget, who, ticket INTEGER, promised REAL,"
        " PRIMARY KEY (budget, who))",
        "CREATE TABLE IF NOT EXISTS state (budget PRIMARY KEY, ticket INTEGER, held REAL,"
        " at_once INTEGER, now REAL, wall REAL, monotonic REAL)",
    )

    cursor: sqlite3.Cursor
    budget: str
    clock: Clock
    lease: float
    now: float = attrs.field(init=False)
    held: float = attrs.field(init=False)
    at_once: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._do("INSERT OR IGNORE INTO state VALUES (?, 0, 0, 0, 0, 0, 0)")
        self.held, self.at_once = self._row("SELECT held, at_once FROM state")
        after = self.clock.after(*self._row("SELECT now, wall, monotonic FROM state"))
        self.now = after[0]
        self._change("UPDATE state SET now = ?, wall = ?, monotonic = ?", *after)
        self._settle()

    def ask(self, limits: Sequence[Limit], who: str, ticket: int) -> Turn:
        """Take a place in every window, or queue for one."""
        self._drop("DELETE FROM waiting", "promised <= ?", self.now)
        front = self._count("waiting", "ticket < ?", ticket or 1 << 62)
        busy = front + self._count("flying")
        wait = max(self.held - self.now, *(self._wait(limit, busy) for limit in limits), 0.0)
        if self.at_once and busy >= self.at_once:
            wait = max(wait, RAMP_POLL)
        if wait <= 0:
            self._drop("DELETE FROM waiting", "who = ?", who)
            self._do("INSERT OR REPLACE INTO flying VALUES (?, ?, ?)", who, self.now + self.lease)
            return Turn(granted=True, wait=0.0, ticket=ticket, held=0.0)
        ticket = ticket or self._next_ticket()
        promised = self.now + min(wait, POLL_INTERVAL) + GRACE
        self._do("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?)", who, ticket, promised)
        return Turn(granted=False, wait=wait, ticket=ticket, held=max(0.0, self.held - self.now))

    def leave(self, who: str) -> None:
        """Forget somebody who will not send."""
        self._drop("DELETE FROM waiting", "who = ?", who)
        self._drop("DELETE FROM flying", "who = ?", who)

    def end(self, limits: Sequence[Limit], who: str) -> None:
        """Count the end of a request."""
        self._drop("DELETE FROM flying", "who = ?", who)
        if limits:
            longest = max(limit.seconds for limit in limits)
            self._drop("DELETE FROM ended", "at <= ?", self.now - longest)
            self._do("INSERT OR REPLACE INTO ended VALUES (?, ?, ?)", who, self.now)
        if self.at_once and self.now >= self.held:
            wider = self.at_once * 2 if self.at_once < WIDE_OPEN else 0
            self._change("UPDATE state SET at_once = ?", wider)

    def renew(self, names: Sequence[str]) -> None:
        """Say that these requests are still under way."""
        for who in names:
            self._drop("DELETE FROM ended", "who = ?", who)
            self._do("INSERT OR REPLACE INTO flying VALUES (?, ?, ?)", who, self.now + self.lease)

    def hold(self, seconds: float) -> None:
        """Let nobody start for so many seconds, and then one at a time."""
        self._change("UPDATE state SET held = ?, at_once = 1", max(self.held, self.now + seconds))

    def used(self, limits: Sequence[Limit]) -> Sequence[int]:
        """Return how many places of each window are taken."""
        flying = self._count("flying")
        return [flying + self._count("ended", "at > ?", self.now - x.seconds) for x in limits]

    def _settle(self) -> None:
        """Count requests whose lease ran out as ended then: nobody knows when they were sent."""
        self._do(
            "INSERT OR REPLACE INTO ended SELECT budget, who, lease FROM flying"
            " WHERE budget = ? AND lease <= ?",
            self.now,
        )
        self._drop("DELETE FROM flying", "lease <= ?", self.now)

    def _wait(self, limit: Limit, busy: int) -> float:
        free = limit.requests - busy
        if free <= 0:
            return limit.seconds
        found = self._do(
            "SELECT at FROM ended WHERE budget = ? ORDER BY at DESC LIMIT 1 OFFSET ?", free - 1
        ).fetchone()
        return 0.0 if found is None else found[0] + limit.seconds - self.now

    def _next_ticket(self) -> int:
        self._change("UPDATE state SET ticket = ticket + 1")
        ticket: int = self._row("SELECT ticket FROM state")[0]
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
