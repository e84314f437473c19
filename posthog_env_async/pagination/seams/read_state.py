"""Where a run stands, what it saw and what it counted: all of it in one place, and in a token."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Self

import attrs

from posthog_env_async.pagination.resume_token import (
    DIGEST_BYTES,
    UNTIMED,
    QueryFingerprint,
    Token,
    digest,
    mark,
)
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage

from .digest_set import DigestSet
from .page_times import PageTimes
from .seen_rows import SeenRows

__all__ = ["EarlierRows", "ReadState"]

TAIL = 100
HEAD = 20
MOST_TIED = 1_000
MOST_HANDED = 1_000


@attrs.frozen
class EarlierRows:
    """The rows that earlier runs handed out, as far as a token knows them.

    `tail` has the digest and the time mark of the last ones; `handed` are digests of others.
    """

    tail: dict[bytes, bytes]
    handed: frozenset[bytes]

    @classmethod
    def of(cls, token: Token) -> "EarlierRows":
        """Take the rows from a token."""
        tail = {row[:DIGEST_BYTES]: row[DIGEST_BYTES:] for row in token.tail}
        return cls(tail, frozenset(token.handed))

    def knows(self, name: bytes) -> bool:
        """Whether a row was handed out."""
        return name in self.tail or name in self.handed


@attrs.define
class ReadState:
    """The state of a run: only the reader changes it.

    `position` is where the next window goes on; `first` where the listing began. `frontier` is when
    the rows next to the position were created, in milliseconds; `tail` are the keys of those, the
    last one last, and `head` those at the other end of their page. `is_whole` says that every row
    ever handed out is known, so that a window from row 0 needs no proof; `is_aligned` that the
    place where an earlier run stopped was found, and `front` is when the first known row there was
    made. `anchor` is the last page if it showed no new row, and `is_cornered` says that no better
    one was found. `idle` counts pages in a row that had only known rows. `doubted` is a page that
    said that the listing ends, when that was not proven; `short` one that showed fewer rows than
    its `next` counts, when it is not known whether the server dropped those or did not look.
    `dropped` are the windows read last that showed no row at all though rows follow.
    """

    position: int
    first: int = 0
    seen: SeenRows = attrs.field(factory=SeenRows)
    earlier: EarlierRows | None = None
    frontier: int | None = None
    tail: Sequence[str] = attrs.field(default=(), repr=False)
    head: Sequence[str] = attrs.field(default=(), repr=False)
    is_whole: bool = True
    is_aligned: bool = True
    front: int | None = None
    pages: int = 0
    duplicates: int = 0
    repaired: int = 0
    read_again: int = 0
    unproven: int = 0
    moved: int = 0
    contradictions: int = 0
    bad_rows: int = 0
    tied: int = 0
    idle: int = 0
    idle_ends: int = 0
    has_ghosts: bool = False
    has_shifted: bool = False
    is_doubted: bool = False
    doubted: WindowPage | None = attrs.field(default=None, repr=False)
    short: WindowPage | None = attrs.field(default=None, repr=False)
    end_proven: bool = False
    ended: bool = False
    is_cornered: bool = False
    anchor: WindowPage | None = attrs.field(default=None, repr=False)
    dropped: tuple[Window, ...] = attrs.field(default=(), repr=False)

    @classmethod
    def at_start(cls, offset: int) -> "ReadState":
        """Begin a listing."""
        return cls(offset, offset, is_whole=offset == 0)

    @classmethod
    def from_token(cls, token: Token) -> "ReadState":
        """Go on where a token stands."""
        if not (token.tail or token.handed):
            return attrs.evolve(cls.at_start(token.first), unproven=int(token.unsure))
        return cls(
            token.offset,
            token.first,
            earlier=EarlierRows.of(token),
            frontier=token.frontier,
            is_whole=token.whole and token.first == 0,
            is_aligned=False,
            unproven=int(token.unsure),
        )

    @property
    def is_sound(self) -> bool:
        """Whether nothing speaks against the rows that were read so far."""
        return not (self.unproven or self.contradictions or self.bad_rows)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was handed out yet, by this run or one before."""
        return self.earlier is None and not len(self.seen.digests)

    def needs_no_proof(self, start: int) -> bool:
        """Whether a window at `start` begins where the listing does, with nothing in front."""
        return start == (self.first if self.is_fresh else 0) and (self.is_fresh or self.is_whole)

    @property
    def floor(self) -> int:
        """The first place that is worth a look."""
        return self.first if self.is_fresh else 0

    def known_places(self, keys: Sequence[str], digests: Sequence[int]) -> list[int]:
        """Return the places of the rows that were handed out."""
        known = self.seen.places(digests)
        if self.earlier is None:
            return known
        own, knows = set(known), self.earlier.knows
        return [n for n, key in enumerate(keys) if n in own or knows(digest(key))]

    def is_earlier(self, key: str) -> bool:
        """Whether a row is one of those that an earlier run handed out last."""
        return self.earlier is not None and digest(key) in self.earlier.tail

    def is_unmoved(self, key: str, name: int, times: PageTimes, place: int) -> bool | None:
        """Whether a known row shows the time it showed before; `None` where that is not known."""
        if self.seen.is_timed(name):
            return self.seen.created(name) == times[place]
        if self.earlier is None:
            return None
        before = self.earlier.tail.get(digest(key), UNTIMED)
        return None if before == UNTIMED else mark("", times[place], is_timed=True)[-2:] == before

    def know(self, handed_out: DigestSet) -> None:
        """Know every row that earlier runs handed out, as an export does, whose file has them."""
        self.seen.digests = handed_out
        self.is_whole = self.first == 0

    def snapshot(self) -> Self:
        """Return the state as it is now; what was seen is shared."""
        return type(self)(*_values(self))

    def reach(self, keys: Sequence[str], tied: int, middle: int | None, last: int | None) -> None:
        """Note the rows next to the position: those of a page that lies deeper than all others.

        As many as fit a token, and all that show the same time as the last one, from place `tied`
        on: nobody knows in which order the server has those.
        """
        same = self.tied if tied == 0 and last is not None and last == self.frontier else 0
        self.tied, self.frontier = len(keys) - tied + same, middle
        most = min(MOST_TIED, TAIL + self.tied)
        kept = self.tail[-(most - len(keys)) :] if len(keys) < most else ()
        self.head = keys[:HEAD] if len(keys) > most else ()
        self.tail = [*kept, *keys[-most:]]

    def to_token(
        self,
        subject: QueryFingerprint,
        items: int,
        *,
        offset: int | None = None,
        handed: Sequence[str] = (),
    ) -> Token:
        """Return the token of a place after so many items: at the position, or at an offset.

        There stands a page that is not done with; `handed` are the keys of it that were handed out.
        """
        keys = list(dict.fromkeys(reversed(self.tail)))
        tail, known = [self._mark(key) for key in keys], set(keys)
        others = [digest(key) for key in (*handed, *self.head) if key not in known]
        if self.earlier is not None:
            # Next to the tail only if no row without a name stands between: known rows prove.
            if len(self.seen.digests) <= len(keys) + len(handed) < TAIL:
                tail += [name + time for name, time in self.earlier.tail.items()]
            # They may stand deeper than all that came since: rows that came in front.
            others += [*self.earlier.tail, *self.earlier.handed]
            others = others[: max(MOST_HANDED, len(handed) + HEAD)]
        named = {row[:DIGEST_BYTES] for row in tail}
        others = [name for name in others if name not in named]
        tail, others = list(dict.fromkeys(tail)), list(dict.fromkeys(others))
        return Token(
            subject=subject,
            offset=self.position if offset is None else offset,
            first=self.first,
            items=items,
            whole=self.is_whole and len(tail) + len(others) >= items,
            tail=tuple(tail),
            handed=tuple(others),
            frontier=self.frontier,
            unsure=not self.is_sound,
        )

    def _mark(self, key: str) -> bytes:
        name = hash(key)
        return mark(key, self.seen.created(name), is_timed=self.seen.is_timed(name))


_values: Callable[[ReadState], tuple[Any, ...]] = attrgetter(
    *[field.name for field in attrs.fields(ReadState)]
)
