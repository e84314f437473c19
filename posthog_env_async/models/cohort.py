"""Cohorts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_time

__all__ = ["COHORT_ROWS", "Cohort"]


@attrs.frozen
class Cohort(Model):
    """A cohort of persons: static, or by filters (docs/server.md, Cohorts).

    Attributes:
        id: the number that `cohorts.get` and `cohorts.persons` take.
        name: what people call it.
        description: what its owner wrote about it.
        count: how many persons the last calculation found; `None` where the server does not say.
        is_static: whether persons were put in by hand, not by filters.
        is_calculating: whether a calculation is under way.
        created_at: when it was made.
        last_calculation: when `count` was counted.
        filters: the conditions, as the server has them.
        extra: fields of the row that this class does not name.
    """

    id: int
    name: str | None = attrs.field(default=None, repr=False)
    description: str | None = attrs.field(default=None, repr=False)
    count: int | None = None
    is_static: bool | None = None
    is_calculating: bool | None = None
    created_at: datetime | None = attrs.field(default=None, converter=to_time)
    last_calculation: datetime | None = attrs.field(default=None, converter=to_time)
    filters: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


COHORT_ROWS: RowType[Cohort] = structured_rows(Cohort)
