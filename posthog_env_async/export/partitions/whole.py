"""Whether results are those of one whole plan, so that they may be merged."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from posthog_env_async.client import PostHogEnv
from posthog_env_async.errors import ConfigurationError

from .plan import Partition, PartitionResult

__all__ = ["check_host", "whole_plan"]


def whole_plan(results: Iterable[PartitionResult]) -> list[PartitionResult]:
    """Return one result of each partition of a plan, in order.

    Raises:
        ConfigurationError: when there are none, some are missing, or they are of different plans.
    """
    given = list(results)
    if not given:
        raise ConfigurationError("there are no results to merge")
    first = given[0].partition
    if any(result.partition.query != first.query for result in given):
        raise ConfigurationError("the results are of different plans or projects: see by_project")
    found = {result.partition.number: result for result in given}
    ordered = [found[number] for number in sorted(found)]
    missing = sorted(set(range(first.of)) - set(found))
    if missing:
        raise ConfigurationError(f"partitions {missing[:10]} have no result yet: run them first")
    if not _is_one_plan([result.partition for result in given]):
        raise ConfigurationError("the results are of different plans: their ranges do not fit")
    return ordered


def _is_one_plan(partitions: Sequence[Partition]) -> bool:
    """Whether ranges begin with the listing, follow each other, and end with it."""
    ranges = {(part.number, part.start, part.stop) for part in partitions}
    ordered = sorted(ranges, key=lambda part: part[0])
    follow = all(
        before[2] is not None and before[1] < after[1] <= before[2]
        for before, after in pairwise(ordered)
    )
    is_whole = ordered[0][1] == 0 and ordered[-1][2] is None
    return len(ranges) == len({part.number for part in partitions}) and follow and is_whole


def check_host(result: PartitionResult, env: PostHogEnv) -> None:
    """Refuse a result of another host than the client's.

    Raises:
        ConfigurationError: when it is.
    """
    if result.partition.host != env.host:
        raise ConfigurationError("the results are of another host than the client that merges them")
