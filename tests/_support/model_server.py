"""A model of the persons list over a set that moves: what the search for lost rows reads from.

It follows docs/server.md, Paging. At one moment the server has a sorted list of raw rows. Each has
a hidden key that sorts it, a shown time of creation that may differ, and may be a ghost, which the
server drops after its query. An answer is a contiguous piece of that list, now or a while ago, cut
at some cap, without ghosts, sorted again by the time that is shown.
"""

import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import attrs
from aiohttp import web

__all__ = ["ModelAnswer", "ModelRow", "ModelServer", "PersonSet"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LINK = "http://model/api/projects/1/persons/"
NO_CAP = 10**9
LEAST_CAP = 100


@attrs.define(eq=False)
class ModelRow:
    """A raw row: `key` and `number` sort it, `shown` is the time of creation that it shows."""

    key: int
    number: int
    shown: int
    ghost: bool = False
    _text: tuple[int, bytes] | None = attrs.field(default=None, init=False)

    @property
    def order(self) -> tuple[int, int]:
        """What the server's query sorts by: newest first."""
        return (-self.key, -self.number)

    @property
    def text(self) -> bytes:
        """The row as JSON."""
        if self._text is None or self._text[0] != self.shown:
            self._text = (self.shown, self._written())
        return self._text[1]

    def _written(self) -> bytes:
        name = str(UUID(int=self.number))
        time = (BEGIN + timedelta(milliseconds=self.shown)).isoformat(timespec="milliseconds")
        fields = {"id": name, "uuid": name, "created_at": time, "properties": {}, "name": "x"}
        return json.dumps(fields, separators=(",", ":")).encode()


@attrs.define(eq=False)
class PersonSet:
    """The rows as they are now, and which of them were never touched."""

    random: Random
    rows: list[ModelRow] = attrs.field(factory=list[ModelRow])
    top: int = 0
    untouched: set[int] = attrs.field(factory=set[int])

    @classmethod
    def of(cls, count: int, seed: int, *, tie: int = 1) -> "PersonSet":
        """Make a set of so many persons; `tie` of them share each millisecond."""
        made = cls(Random(seed), top=count)
        made.rows = [made._new(place // tie * tie) for place in range(count, 0, -1)]
        made.sort()
        made.untouched = {row.number for row in made.rows}
        return made

    def _new(self, key: int) -> ModelRow:
        return ModelRow(key, self.random.getrandbits(122), key)

    def sort(self) -> None:
        """Sort as the server's query does."""
        self.rows.sort(key=lambda row: row.order)

    def sign_up(self, count: int) -> None:
        """Let persons come in front."""
        self.rows[:0] = [self._new(self.top + place) for place in range(count, 0, -1)]
        self.top += count

    def import_at(self, place: int, count: int) -> None:
        """Let persons come that were created long ago, all near one place."""
        key = self.rows[min(place, len(self.rows) - 1)].key if self.rows else 0
        self.rows += [self._new(max(0, key - self.random.randint(0, 3))) for _ in range(count)]
        self.sort()

    def touch(self, row: ModelRow) -> None:
        """Note that a row does not stay as it is."""
        self.untouched.discard(row.number)

    def delete(self, row: ModelRow) -> None:
        """Delete a person."""
        self.touch(row)
        self.rows.remove(row)

    def delete_range(self, start: int, count: int) -> None:
        """Delete persons that stand together."""
        for row in self.rows[start : start + count]:
            self.touch(row)
        del self.rows[start : start + count]

    def merge(self, kept: ModelRow, gone: ModelRow) -> None:
        """Let one person take the other's distinct ids and its time, if that is the older one."""
        self.delete(gone)
        self.touch(kept)
        if gone.key < kept.key:
            self.rows.remove(kept)
            self.rows.append(attrs.evolve(kept, key=gone.key, shown=gone.shown))
            self.sort()

    def come_back(self, row: ModelRow) -> None:
        """Delete a person and create it again, in front, under the same uuid."""
        self.delete(row)
        self.top += 1
        self.rows.insert(0, ModelRow(self.top, row.number, self.top))

    def hide(self, row: ModelRow, *, hidden: bool = True) -> None:
        """Make a row a ghost, or show it again."""
        self.touch(row)
        row.ghost = hidden

    def misdate(self, row: ModelRow, shown: int) -> None:
        """Let a row show another time than the one it is sorted by."""
        row.shown = shown


@attrs.frozen
class ModelAnswer:
    """What the server answers: a status and a body."""

    status: int
    body: bytes


@attrs.define(eq=False)
class ModelServer:
    """Answers for windows, and lets the set change after each.

    `largest` is the greatest limit that does not end in a 504; `cap` the rows of an answer at most,
    which `next` hides when `cap_is_null`; `lag` the share of answers from a while ago; `false_ends`
    the numbers of requests whose `next` is null though rows follow; `more` what a page says besides
    `next` (`has_next`, `hasMore`, `count`), with which `next` is missing altogether. A false end
    behind fewer rows than any cap worth fearing sets `is_unknowable`.
    """

    persons: PersonSet
    change: Callable[[int], None] = lambda _: None
    largest: int = NO_CAP
    cap: int = NO_CAP
    cap_is_null: bool = False
    lag: float = 0.0
    flapping: frozenset[int] = frozenset()
    false_ends: frozenset[int] = frozenset()
    more: str = ""
    counts: bool = False
    is_unknowable: bool = attrs.field(default=False, init=False)
    requests: int = 0
    widest: int = 0
    _past: deque[list[ModelRow]] = attrs.field(factory=lambda: deque[list[ModelRow]](maxlen=4))

    def answer(self, offset: int, limit: int) -> ModelAnswer:
        """Answer one request."""
        self.requests += 1
        self.widest = max(self.widest, limit)
        try:
            if limit > self.largest:
                return ModelAnswer(504, b"upstream request timeout")
            return ModelAnswer(200, self._page(offset, limit))
        finally:
            if self.lag:
                self._past.append([attrs.evolve(row) for row in self.persons.rows])
            self.change(self.requests)

    def _page(self, offset: int, limit: int) -> bytes:
        everything = self.persons.rows
        if self._past and self.persons.random.random() < self.lag:
            everything = self.persons.random.choice(self._past)
        raw = everything[offset : offset + min(limit, self.cap)]
        shown = sorted(filter(self._is_shown, raw), key=lambda row: (-row.shown, row.number))
        fields = self._links(offset, limit, len(raw), len(everything))
        follows = (
            len(raw) == len(everything[offset : offset + limit + 1]) - 1 or len(raw) == self.cap
        )
        if fields.get("next", "") is None and len(shown) < LEAST_CAP and follows:
            self.is_unknowable = True
        head = json.dumps(fields)[:-1].encode()
        rows = b",".join([row.text for row in shown])
        return b"".join((head, b"," if fields else b"", b'"results":[', rows, b"]}"))

    def _is_shown(self, row: ModelRow) -> bool:
        if row.number in self.flapping:
            return self.persons.random.random() < 0.5
        return not row.ghost

    def _links(self, offset: int, limit: int, length: int, total: int) -> dict[str, Any]:
        step = limit if self.cap_is_null else min(limit, self.cap)
        has_next = length >= step and self.requests not in self.false_ends
        link = f"{LINK}?limit={limit}&offset={offset + step}" if has_next else None
        fields: dict[str, Any] = {"count": total} if self.counts else {}
        if not self.more:
            return {**fields, "next": link}
        follows = offset + length < total
        return {**fields, "count": total} if self.more == "count" else {self.more: follows}

    async def start(self) -> tuple[web.AppRunner, str]:
        """Serve HTTP; returns what to clean up, and the address."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _serve(self, request: web.Request) -> web.Response:
        answer = self.answer(int(request.query["offset"]), int(request.query["limit"]))
        kind = "application/json" if answer.status == 200 else "text/plain"
        return web.Response(status=answer.status, body=answer.body, content_type=kind)
