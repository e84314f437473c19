"""How many rows to ask for at once."""

import math
from typing import Literal

import attrs

from posthog_env_async.errors import APIConnectionError, ConfigurationError, PostHogError

from .window import Window

__all__ = ["LEAST_CAP", "PageSize", "PageSizes", "checked_page_size"]

PageSize = int | Literal["auto"]

LEAST_CAP = 100
PATIENCE = 8
FEW = 8
HARDLY_EVER = math.log(1 / 1_000)
MOST_THINNED = 64
AUTO_START = 1000
AUTO_LEAST = 50
FAST = 2.0
SMALL = 8 << 20


def checked_page_size(page_size: object, most: int, *, auto: bool = False) -> None:
    """Check a page size.

    Raises:
        ConfigurationError: for another than 1 to `most`, or `"auto"` where that goes; the server
            takes 0 for 100 and cuts large pages in silence (docs/server.md, Paging).
    """
    if auto and page_size == "auto":
        return
    if isinstance(page_size, bool) or not isinstance(page_size, int) or not 1 <= page_size <= most:
        or_auto = ", or 'auto'" if auto else ""
        raise ConfigurationError(f"page_size must be a whole number from 1 to {most}{or_auto}")


@attrs.define
class PageSizes:
    """How many rows to ask for: what the caller chose, or what proves to be fast, below any cap.

    `cap` is how many rows the server gives at most, as far as it showed; `served` the most that
    one answer was seen to hold: a window of so many is not cut by a cap. Of those, at most
    `dropped` were not shown. `overlap` is how many rows windows share since rows were seen to move,
    `thinned` how many so that some of them are shown, of a server that drops rows.
    """

    asked: PageSize
    most: int
    size: int = attrs.field(init=False)
    cap: int | None = attrs.field(default=None, init=False)
    served: int = attrs.field(default=0, init=False)
    dropped: int = attrs.field(default=0, init=False)
    overlap: int = attrs.field(default=1, init=False)
    thinned: int = attrs.field(default=1, init=False)
    used: list[int] = attrs.field(factory=list[int], init=False)
    _caps: set[int] = attrs.field(factory=set[int], init=False)
    _patience: int = attrs.field(default=PATIENCE, init=False)
    _good: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.size = min(AUTO_START, self.most) if self.asked == "auto" else self.asked

    @property
    def is_auto(self) -> bool:
        """Whether the size may change."""
        return self.asked == "auto"

    @property
    def step(self) -> int:
        """The rows that a window can be expected to hold."""
        return self.size if self.cap is None else min(self.size, self.cap)

    @property
    def widest(self) -> int:
        """The rows that a window may ask for while the reader looks for its place."""
        widest = max(self.size, min(LEAST_CAP, self.most))
        return widest if self.cap is None else min(widest, self.cap)

    @property
    def shared(self) -> int:
        """How many rows windows are to share, of what was seen so far."""
        return max(self.overlap, self.thinned)

    def note(self, size: int) -> None:
        """Note a size that was asked for."""
        if not self.used or self.used[-1] != size:
            self.used.append(size)

    def answered(self, asked: int, seconds: float, size: int) -> None:
        """Grow after an answer that was fast and small enough."""
        if self.is_auto and asked >= self.size and seconds < FAST and size < SMALL:
            self.size = min(self.size * 2, self.most)

    def may_shrink(self, asked: int) -> bool:
        """Whether fewer than `asked` rows may be asked for."""
        return self.is_auto and asked > AUTO_LEAST

    def shrink(self, asked: int, error: PostHogError | None = None) -> bool:
        """Shrink after a failure of `asked` rows; false where that is not for the reader to do.

        An automatic size shrinks for good. A fixed one is kept unless the client itself refuses
        the answer, which would be as large the next time.
        """
        is_refused = isinstance(error, APIConnectionError) and error.too_large
        if is_refused and asked > 1:
            self.cap_at(max(1, asked // 2))
            return True
        if not self.may_shrink(asked):
            return False
        self.most = max(AUTO_LEAST, asked // 2)
        self.size = min(self.size, self.most)
        return True

    def may_cap(self, rows: int, window: Window) -> bool:
        """Whether a step of so many rows may be the server's, without asking twice."""
        return window.start == 0 or rows in self._caps

    def cap_at(self, rows: int) -> None:
        """Ask for no more than the server gives."""
        if rows in self._caps:
            self._patience *= 2
        self._caps.add(rows)
        self.cap, self.served, self._good = rows, min(self.served, rows), 0

    def is_served(self, rows: int, dropped: int) -> bool:
        """Whether a page of so many raw rows, of which some were not shown, can be believed."""
        return not dropped or (rows <= self.served and dropped <= 2 * self.dropped + FEW)

    def serve(self, rows: int, dropped: int) -> None:
        """Note that an answer held so many raw rows, and showed all but a few."""
        self.served, self.dropped = max(self.served, rows), max(self.dropped, dropped)
        if 0 < dropped < rows:
            # So many that hardly ever all of them are dropped.
            thinned = math.ceil(HARDLY_EVER / math.log(dropped / rows))
            self.thinned = max(self.thinned, min(thinned, MOST_THINNED))

    def accepted(self) -> None:
        """Note a page; now and then see whether the cap was lifted."""
        if self.cap is None:
            return
        self._good += 1
        if self._good >= self._patience:
            self.cap, self._good = (None if 2 * self.cap >= self.size else 2 * self.cap), 0
