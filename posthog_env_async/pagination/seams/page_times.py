"""When the rows of a page were created, read off a row only when somebody asks."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import cast

import attrs

__all__ = ["SAMPLE", "PageTimes", "milliseconds"]

SAMPLE = 9

Stamp = Callable[[int], str | None]
_tzinfo = attrgetter("tzinfo")


def milliseconds(stamp: str | None) -> int | None:
    """Return a time as whole milliseconds: finer digits need not be part of the server's order."""
    try:
        time = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _all_milliseconds(stamps: Sequence[str | None]) -> list[int | None]:
    """Return many times as `milliseconds` does, in a few passes where all are whole ones."""
    try:
        times = list(map(datetime.fromisoformat, cast("Sequence[str]", stamps)))
    except (TypeError, ValueError):
        return list(map(milliseconds, stamps))
    if None in map(_tzinfo, times):
        return list(map(milliseconds, stamps))
    return [int(seconds * 1000) for seconds in map(datetime.timestamp, times)]


@attrs.define
class PageTimes:
    """When the rows of a page were created, in milliseconds, by place; `None` where none says."""

    stamp: Stamp
    stamps: Callable[[Sequence[int]], list[str | None]] | None = None
    _known: dict[int, int | None] = attrs.field(factory=dict[int, "int | None"], init=False)

    def __getitem__(self, place: int) -> int | None:
        if place not in self._known:
            self._known[place] = milliseconds(self.stamp(place))
        return self._known[place]

    def load(self, places: Sequence[int]) -> None:
        """Read the times of rows, which is quicker at once."""
        if self.stamps is not None:
            missing = [place for place in places if place not in self._known]
            self._known.update(zip(missing, _all_milliseconds(self.stamps(missing)), strict=True))

    def of(self, places: Sequence[int]) -> list[int | None]:
        """Return the times of rows."""
        self.load(places)
        return list(map(self.__getitem__ if self.stamps is None else self._known.get, places))

    def middle(self, places: Sequence[int]) -> int | None:
        """Return the middle one of a few of the rows, which a single odd row does not change."""
        some = self.of(places[:: max(1, len(places) // SAMPLE)])
        times = sorted([time for time in some if time is not None])
        return times[len(times) // 2] if times else None

    def tied_with_last(self, length: int) -> int:
        """Return where the rows begin that show the same time as the last one."""
        low, high, last = 0, length - 1, self[length - 1]
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self[middle] == last else (middle + 1, high)
        return low
