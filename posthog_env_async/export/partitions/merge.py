"""Files of partitions into one: seams proven or read again, and every person once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Self, Unpack

import attrs

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import CheckpointError
from posthog_env_async.export.exporter import OnProgress, export_rows
from posthog_env_async.export.files.durable import hash_of, in_thread
from posthog_env_async.export.options import FileChoices, FileOptions
from posthog_env_async.export.run import ExportReport, joined_reports
from posthog_env_async.export.sources import OnGap
from posthog_env_async.models import Person
from posthog_env_async.pagination import (
    HandedOut,
    Listing,
    ListingReport,
    QueryFingerprint,
    read_lines,
    source_of,
)
from posthog_env_async.session import Emitter

from .overlaps import WITNESSES, OverlapGraph, RowIndex, Segment, doubled
from .plan import PartitionResult
from .whole import check_host, whole_plan

__all__ = ["by_project", "merge"]

BATCH = 1000


async def merge(
    results: Iterable[PartitionResult],
    path: str | PathLike[str],
    *,
    env: PostHogEnv,
    on_gap: OnGap = "raise",
    on_progress: OnProgress | None = None,
    about: Mapping[str, str] | None = None,
    **file: Unpack[FileChoices],
) -> ExportReport:
    """Make one export of all partitions of a project, as if one process had read the listing.

    Neighbours that share a row miss nothing between them. Where persons came or went by more than
    the overlap, the gap is read from the server now. Each person is in the file once; the verdict
    and the manifest are those of a single export. The files of the partitions stay.

    Args:
        results: of all partitions of one project, in any order; one that ran twice may be there
            twice.
        path: as of `export`.
        env: the client that reads gaps.
        on_gap: as of `export`.
        on_progress: the same.
        about: the same.
        file: the other keyword arguments of `export`: `format`, `compression`, `columns`,
            `property_columns`, `quote_formulas`, `safe_names`, `add_project_id`, `excel`, `model`,
            `checkpoint_every`, `overwrite`, `lock`.

    Raises:
        ConfigurationError: when results are missing or of different plans.
        CheckpointError: when a file is missing or was changed.
        PaginationError: when a gap cannot be read, because too many persons vanished at once.
    """
    ordered = whole_plan(results)
    check_host(ordered[0], env)
    listing = ordered[0].partition.listing(env)
    with RowIndex() as keys:
        chain = await in_thread(partial(_chain, keys, ordered))
        joined = _Joined(listing, chain, ordered, on_gap)
        await joined.close_gaps()
        return await export_rows(
            joined,
            path,
            FileOptions(**file),
            resume=False,
            on_progress=on_progress,
            about=about,
        )


def by_project(results: Iterable[PartitionResult]) -> dict[str, tuple[PartitionResult, ...]]:
    """Sort results of many projects, to `merge` each."""
    found: dict[str, tuple[PartitionResult, ...]] = {}
    for result in results:
        project = result.partition.project
        found[project] = (*found.get(project, ()), result)
    return found


def _chain(keys: RowIndex, ordered: Sequence[PartitionResult]) -> OverlapGraph:
    chain = OverlapGraph(keys, len(ordered))
    for result in ordered:
        path = Path(result.path)
        if not path.exists() or hash_of(path).hexdigest() != result.sha256:
            raise CheckpointError(f"{path.name} is missing or was changed; run its partition again")
        number = chain.add(Segment(result.ended, path))
        if chain.segments[number].count != result.rows:
            raise CheckpointError(
                f"{path.name} holds other rows than its result says: run it again"
            )
    return chain


@attrs.define
class _Joined:
    """All partitions as one listing that was read already."""

    listing: Listing[Person]
    chain: OverlapGraph
    results: Sequence[PartitionResult]
    on_gap: OnGap
    gaps: dict[int, list[int]] = attrs.field(factory=dict[int, list[int]], init=False)
    read: ListingReport = attrs.field(factory=ListingReport, init=False)
    proven: bool = attrs.field(default=True, init=False)

    async def close_gaps(self) -> None:
        """Read what lies between ranges that share no row, until all are one from top to end."""
        while not self.chain.is_whole:
            reached = self.chain.with_first()
            behind = max(n for n in reached if n < len(self.results) and self._has_a_place(n))
            await self._close_gap(behind)

    def _has_a_place(self, number: int) -> bool:
        return number == 0 or self.chain.segments[number].count > 0

    async def _close_gap(self, number: int) -> None:
        """Read from further and further above the end of a range, until a row of it is read."""
        partition = self.results[number].partition
        start, step = partition.stop or 0, partition.page_size // 2 + 1
        gap = None
        while gap is None:
            start, step = max(0, start - step), 2 * step
            gap = await self._read_from(start)
        added = await in_thread(partial(self.chain.add, gap))
        self.chain.join(number, added)
        self.gaps.setdefault(number, []).append(added)

    async def _read_from(self, start: int) -> Segment | None:
        """Read until a row that was not reached; `None` when what comes first joins nothing.

        Known rows join, and the top of the listing does; a page without rows is no end of anything.
        """
        gap, known = Segment(ended=True), 0
        listing = attrs.evolve(self.listing, offset=start)
        async with read_lines(listing, on_gap=self.on_gap) as run:
            while (items := await run.next_batch()) is not None:
                reached = [self.chain.is_reached(row) is True for row in items]
                known += sum(reached)
                # The whole page: in it, rows of one moment may stand in another order.
                gap.rows += items
                gap.ended = not (items and self.chain.next_to(gap.rows[-2 * len(items) :]))
                is_apart = start > 0 and known < WITNESSES and not all(reached)
                if is_apart or not gap.ended:
                    break
            joined = start == 0 or known >= WITNESSES
            self._count(run.report, ended=joined and gap.ended)
        return gap if joined else None

    def _count(self, report: ListingReport, *, ended: bool) -> None:
        # A run that was left on purpose proved what it read: it would have raised or said so.
        is_sound = not (report.seams_unproven or report.contradictions)
        self.proven = self.proven and (report.complete or not ended) and is_sound
        again = attrs.evolve(report, rows_read_again=report.rows_read_again + report.items, items=0)
        self.read = joined_reports(self.read, again)

    @property
    def subject(self) -> QueryFingerprint:
        return source_of(self.listing).subject

    @property
    def model(self) -> type[Any] | None:
        return Person

    @property
    def project_id(self) -> str | None:
        return self.listing.project_id

    @property
    def emit(self) -> Emitter | None:
        return source_of(self.listing).session.emit

    @property
    def bounds(self) -> Mapping[str, int | None]:
        return {}

    def run(self, token: str | None, written: HandedOut | None = None) -> "_JoinedRun":
        return _JoinedRun(self._rows(), self.report)

    @property
    def report(self) -> ListingReport:
        """What all partitions and gaps took, and whether all of it is proven."""
        total = self.read
        for result in self.results:
            total = joined_reports(total, result.listing)
        again = doubled(self.chain.segments)
        return attrs.evolve(
            total,
            items=sum(segment.count for segment in self.chain.segments) - again,
            duplicates_dropped=total.duplicates_dropped + again,
            seams_repaired=total.seams_repaired + sum(map(len, self.gaps.values())),
            complete=self.proven and all(result.complete for result in self.results),
        )

    def _rows(self) -> Iterator[bytes]:
        for number in range(len(self.results)):
            for place in (number, *self.gaps.get(number, ())):
                segment = self.chain.segments[place]
                for at, row in enumerate(segment.lines()):
                    if at not in segment.doubled:
                        yield row


@attrs.define
class _JoinedRun:
    rows: Iterator[bytes]
    report: ListingReport
    token: str = "merged"  # noqa: S105 - never resumed: a merge starts over

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def next_batch(self) -> list[bytes] | None:
        batch = await in_thread(lambda: list(islice(self.rows, BATCH)))
        return batch or None
