"""A picture of counts over time, a line for each level, as wide as the terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from posthog_env_async.models import LogBucket

__all__ = ["picture"]

BARS = " ▁▂▃▄▅▆▇█"
ORDER = ("fatal", "error", "warn", "info", "debug", "trace")
BESIDES = 24


def picture(buckets: Sequence[LogBucket], width: int) -> Iterator[str]:
    """Yield the lines: a level with its bars and its sum each, and the times below."""
    times = sorted({bucket.time for bucket in buckets if bucket.time is not None})
    if not times:
        yield "no entries"
        return
    columns = min(len(times), max(8, width - BESIDES))
    column_of = {time: number * columns // len(times) for number, time in enumerate(times)}
    counts = dict[str, list[int]]()
    for bucket in buckets:
        if bucket.time is not None:
            line = counts.setdefault(bucket.level or "", [0] * columns)
            line[column_of[bucket.time]] += bucket.count
    highest = max(max(line) for line in counts.values())
    for level in sorted(counts, key=_rank):
        bars = "".join(_bar(count, highest) for count in counts[level])
        yield f"{level[:8]:<8} {bars} {sum(counts[level]):>11,}"
    yield from _axis(times[0], times[-1], columns)


def _bar(count: int, highest: int) -> str:
    """Return a bar; only that of zero is empty."""
    if count <= 0 or highest <= 0:
        return BARS[0]
    return BARS[max(1, round(count * (len(BARS) - 1) / highest))]


def _rank(level: str) -> int:
    return ORDER.index(level) if level in ORDER else len(ORDER)


def _axis(first: datetime, last: datetime, columns: int) -> Iterator[str]:
    begin, end = (f"{time.astimezone(UTC):%m-%d %H:%MZ}" for time in (first, last))
    if columns >= len(begin) + len(end) + 1:
        yield f"{'':<8} {begin}{end:>{columns - len(begin)}}"
    else:
        yield f"{'':<8} {begin} to {end}"
