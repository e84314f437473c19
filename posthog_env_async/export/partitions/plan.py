"""A listing of persons cut into ranges that workers read, each into a file of its own."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

import attrs

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError, PaginationError
from posthog_env_async.export.state.checkpoint import decode, encode
from posthog_env_async.models import Person, PropertyFilter
from posthog_env_async.pagination import Listing, ListingReport

__all__ = ["Partition", "PartitionResult", "PartitionSize", "cut", "plan"]

ROWS = 50_000
OVERLAP = 100


@attrs.frozen(kw_only=True)
class Partition:
    """A range of one project's persons: raw rows from `start` to `stop`, the last one to the end.

    Neighbours overlap, so that their files share rows while nothing moves by more. It can be
    pickled and said as JSON, and holds no key; it holds the filters, which may be personal.
    """

    host: str
    project: str
    prefix: str
    number: int
    of: int
    start: int
    stop: int | None
    page_size: int
    search: str | None = None
    email: str | None = None
    distinct_id: str | None = None
    properties: tuple[PropertyFilter, ...] = ()

    @property
    def name(self) -> str:
        """What its file is called, without a suffix; another partition has another name."""
        mark = hashlib.blake2b(self.to_json().encode(), digest_size=4).hexdigest()
        return f"persons-{self.project}-{self.number:05d}-of-{self.of:05d}-{mark}"

    @property
    def query(self) -> tuple[Any, ...]:
        """What all partitions of one listing share."""
        fields = attrs.evolve(self, number=0, start=0, stop=None, page_size=1)
        return attrs.astuple(fields, recurse=False)

    def listing(self, env: PostHogEnv) -> Listing[Person]:
        """Return the listing that begins with this partition; it does not end with it."""
        return env.for_project(self.project).persons.list(
            search=self.search,
            email=self.email,
            distinct_id=self.distinct_id,
            properties=self.properties or None,
            page_size=self.page_size,
            offset=self.start,
        )

    def to_json(self) -> str:
        """Say the partition as JSON."""
        return encode("partition", self)

    @classmethod
    def from_json(cls, text: str) -> "Partition":
        """Read what `to_json` said.

        Raises:
            CheckpointError: when it is damaged, was changed or is of another version.
        """
        return decode("partition", cls, text, name="the partition")


@attrs.frozen(kw_only=True)
class PartitionResult:
    """A partition that was read: its file, and what `merge` needs to join it to the next.

    `ended` says that the listing ended in it; `complete` is the listing's verdict on the range.
    """

    partition: Partition
    path: str
    rows: int
    bytes: int
    sha256: str
    complete: bool
    ended: bool
    listing: ListingReport

    @property
    def requests(self) -> int:
        """How many requests it took, those of broken-off runs included."""
        return self.listing.requests

    def to_json(self) -> str:
        """Say the result as JSON."""
        return encode("partition result", self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` said.

        Raises:
            CheckpointError: when it is damaged, was changed or is of another version.
        """
        return decode("partition result", cls, text, name="the partition result")


async def plan(
    env: PostHogEnv,
    *,
    projects: Iterable[int | str] | None = None,
    partitions: int | None = None,
    rows_per_partition: int | None = None,
    overlap: int = OVERLAP,
    page_size: int = 1000,
    search: str | None = None,
    email: str | None = None,
    distinct_id: str | None = None,
    properties: Sequence[PropertyFilter] | None = None,
) -> tuple[Partition, ...]:
    """Cut the persons of one or many projects into partitions; costs one request a project.

    A project whose server does not count is one partition.

    Args:
        env: the client to ask with; host and prefix are noted in the partitions, the key is not.
        projects: by default the client's own.
        partitions: at most so many for each project.
        rows_per_partition: or so many rows in each; by default 50,000.
        overlap: rows that neighbours share, so that a seam need not be read again until persons
            come or go by more.
        page_size: rows of a request; the ranges are whole pages.
        search: filters, as of `persons.list`.
        email: the same.
        distinct_id: the same.
        properties: the same.

    Raises:
        ConfigurationError: for numbers that cannot work.
    """
    _check(partitions, rows_per_partition, overlap, page_size)
    whole = Partition(
        host=env.host,
        project="",
        prefix=env.prefix,
        number=0,
        of=1,
        start=0,
        stop=None,
        page_size=page_size,
        search=search,
        email=email,
        distinct_id=distinct_id,
        properties=tuple(properties or ()),
    )
    size = PartitionSize(partitions, rows_per_partition, overlap, page_size)
    found: list[Partition] = []
    for project in projects if projects is not None else (env.project_id,):
        of_project = attrs.evolve(whole, project=str(project))
        found += cut(of_project, await _count(of_project.listing(env)), size)
    return tuple(found)


@attrs.frozen
class PartitionSize:
    """How large partitions are to be."""

    partitions: int | None
    rows: int | None
    overlap: int
    page_size: int

    def of(self, count: int) -> int:
        """Return how many rows each partition reads: whole pages, where it is more than one."""
        rows = self.rows or ROWS
        if self.partitions is not None:
            rows = math.ceil((count + (self.partitions - 1) * self.overlap) / self.partitions)
        rows = max(rows, 2 * self.overlap)
        return rows if rows <= self.page_size else math.ceil(rows / self.page_size) * self.page_size


def _check(*numbers: int | None) -> None:
    if any(number is not None and number < 1 for number in numbers):
        raise ConfigurationError(
            "partitions, rows_per_partition, overlap and page_size must be 1 or more"
        )
    if numbers[0] is not None and numbers[1] is not None:
        raise ConfigurationError("give partitions or rows_per_partition, not both")


async def _count(listing: Listing[Person]) -> int:
    try:
        return await listing.count()
    except PaginationError:
        return 0


def cut(whole: Partition, count: int, size: PartitionSize) -> list[Partition]:
    """Cut a listing of so many rows; neighbours overlap, and the last one has no end."""
    rows = size.of(count)
    starts = range(0, max(1, count - size.overlap), rows - size.overlap)
    return [
        attrs.evolve(
            whole,
            number=number,
            of=len(starts),
            start=start,
            stop=start + rows if start != starts[-1] else None,
            page_size=min(size.page_size, rows),
        )
        for number, start in enumerate(starts)
    ]
