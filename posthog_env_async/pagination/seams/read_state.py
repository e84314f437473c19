"""Where a run stands, what it saw and what it counted: all of it in one place, and in a token."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Self

import attrs

from posthog_env_async.pagination.resume_token import Token, digest, mark
from posthog_env_async.pagination.window import Window
from posthog_env_async.pagination.window_reader import WindowPage

from .digest_set import DigestSet
from .earlier_rows import EarlierRows
from .page_times import PageTimes
from .seen_rows import SeenRows

__all__ = ["ReadState"]

TAIL = 100
HEAD = 20
MOST_TIED = 1_000
MOST_ASIDE = 1_000


@attrs.define
class ReadState:
    """The state of a run: only the reader changes it.

    `position` is where the next window goes on; `first` where the listing began. `frontier` is when
    the rows next to the position were created, in milliseconds; `tail` are the keys of those, the
    last one last, and `head` those at the other end of their page; `aside` are keys of rows that
    came behind those and are newer. `untold` is when the oldest row was made that is in none of
    these. `knows_all` says that every row ever handed out is known; if not, what is not older than
    `front` lies in front of what this run reads, unless it shows a wrong time. `is_aligned` says
    that the place where an earlier run stopped was found. `anchor` is the last page if it showed no
    new row, and `is_cornered` says that no better one was found. `idle` counts pages in a row that
    had only known rows. `doubted` is a page that said that the listing ends, when that was not
    proven; `short` one that showed fewer rows than its `next` counts, when it is not known whether
    the server dropped those or did not look. `dropped` are the windows read last that showed no
    row at all though rows follow.
    """

    position: int
    first: int = 0
    seen: SeenRows = attrs.field(factory=SeenRows)
    earlier: EarlierRows | None = None
    frontier: int | None = None
    tail: Sequence[str] = attrs.field(default=(), repr=False)
    head: Sequence[str] = attrs.field(default=(), repr=False)
    aside: Sequence[str] = attrs.field(default=(), repr=False)
    knows_all: bool = True
    is_aligned: bool = True
    front: int | None = None
    untold: int | None = None
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
        return cls(offset, offset)

    @classmethod
    def from_token(cls, token: Token) -> "ReadState":
        """Go on where a token stands."""
        earlier = EarlierRows.of(token)
        if not (earlier.tail or earlier.handed or earlier.passed):
            return attrs.evolve(cls.at_start(token.first), unproven=int(token.unsure))
        return cls(
            token.offset,
            token.first,
            earlier=earlier,
            frontier=token.frontier,
            knows_all=token.whole,
            is_aligned=False,
            front=token.front,
            unproven=int(token.unsure),
            is_doubted=token.wary,
        )

    @property
    def is_whole(self) -> bool:
        """Whether a window from row 0 needs no proof: all that was handed out is known."""
        return self.knows_all and self.first == 0

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

    @property
    def is_begun(self) -> bool:
        """Whether it is known where the run begins: not within the first page of an offset.

        The rows handed out of it stand between others in an order that nobody knows.
        """
        return self.is_aligned or not self.first or self.position != self.first

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
        return self.earlier.is_unmoved(digest(key), times[place])

    def know(self, handed_out: DigestSet) -> None:
        """Know every row that earlier runs handed out, as an export does, whose file has them."""
        self.seen.digests, self.knows_all = handed_out, True

    def snapshot(self) -> Self:
        """Return the state as it is now; what was seen is shared."""
        return type(self)(*_values(self))

    def reach(self, keys: Sequence[str], times: PageTimes, tied: int, middle: int | None) -> None:
        """Note the rows next to the position: those of a page that lies deeper than all others.

        As many as fit a token, and all that show the same time as the last one, from place `tied`
        on: nobody knows in which order the server has those.
        """
        last = times[len(keys) - 1]
        same = self.tied if tied == 0 and last is not None and last == self.frontier else 0
        self.tied, self.frontier = len(keys) - tied + same, middle
        most = min(MOST_TIED, TAIL + self.tied)
        cut = len(keys) - most
        self.head = keys[:HEAD] if cut > 0 else ()
        if cut > 0:
            self.pass_by(times[cut - 1])
            self.tail = keys[cut:]
            return
        page = set(keys)
        others = [key for key in self.tail if key not in page]
        kept = others[cut:] if cut < 0 else []
        if len(kept) < len(others):
            self.pass_by(next(filter(None, map(self.created, (*kept, *keys))), None))
        self.tail = [*kept, *keys]

    def set_aside(self, keys: Sequence[str], created: int | None) -> None:
        """Note rows of a page that lies in front of others, of which the oldest was made then."""
        if len(self.aside) + len(keys) <= MOST_ASIDE:
            self.aside = (*self.aside, *keys)
        else:
            self.pass_by(created)

    def pass_by(self, created: int | None) -> None:
        """Note when a row was made that no token is going to name, nor any that is newer."""
        if created is not None and (self.untold is None or created < self.untold):
            self.untold = created

    def created(self, key: str) -> int | None:
        """Return when a row of this run was made, as far as that is kept."""
        return self.seen.created(hash(key))

    def mark(self, key: str) -> bytes:
        """Return what a token keeps of a row."""
        return mark(key, self.created(key), is_timed=self.seen.is_timed(hash(key)))


_values: Callable[[ReadState], tuple[Any, ...]] = attrgetter(
    *[field.name for field in attrs.fields(ReadState)]
)
