"""What a run remembers of the rows that it read: all of them, and the times of some."""

from collections.abc import Sequence

import attrs

from .digest_set import DigestSet
from .page_times import PageTimes

__all__ = ["SeenRows"]

TIMED_WHOLE = 64
TIMED_LAST = 16
TIMED_LAST_SHARE = 20
TIMED_SHARE = 32
TIMES = 1 << 16


@attrs.define
class SeenRows:
    """The rows of all pages that were accepted, told apart by digests of their keys.

    `digests` has every one. Of the last rows of a page and of some others the time of creation is
    kept as well: only such a row can prove a seam, for a row that shows another time than before
    has moved.
    """

    digests: DigestSet = attrs.field(factory=DigestSet)
    _young: dict[int, int | None] = attrs.field(factory=dict[int, "int | None"], init=False)
    _old: dict[int, int | None] = attrs.field(factory=dict[int, "int | None"], init=False)

    _latest: Sequence[int] = attrs.field(default=(), init=False)

    def distrust(self, time: int | None) -> None:
        """Let rows of the last page that are older than a row behind them prove nothing.

        They show a time that the server does not sort by yet, as a person that is being merged.
        """
        for digest in self._latest:
            shown = self._young.get(digest)
            if time is not None and shown is not None and shown < time:
                del self._young[digest]

    def places(self, digests: Sequence[int]) -> list[int]:
        """Return the places of the rows that were seen."""
        return self.digests.places(digests)

    def is_timed(self, digest: int) -> bool:
        """Whether it is known when a row was created."""
        return digest in self._young or digest in self._old

    def created(self, digest: int) -> int | None:
        """Return when a timed row was created, as it was shown last."""
        return self._young[digest] if digest in self._young else self._old.get(digest)

    def remember(self, digests: Sequence[int], times: PageTimes) -> int:
        """Remember the rows of a page in the order in which it shows them.

        Returns the place from which on all show the time of the last one.
        """
        self.digests.add(digests)
        if len(self._young) >= TIMES:
            self._old, self._young = self._young, {}
        length = len(digests)
        last = max(0, length - TIMED_LAST - length // TIMED_LAST_SHARE)
        few = length <= TIMED_WHOLE
        timed = [*range(0, last, 1 if few else TIMED_SHARE), *range(last, length)]
        found = times.of(timed)
        is_tied = times[last] == times[length - 1]
        tied = times.tied_with_last(length) if is_tied else length - 1
        if tied < last:
            # All of them show one time, so it need not be read off each.
            self._young.update(dict.fromkeys(digests[tied:last], times[length - 1]))
        self._young.update(zip([digests[place] for place in timed], found, strict=True))
        self._latest = digests[last:]
        return tied
