"""Listings as polars data frames."""

import json
from collections.abc import Sequence
from typing import Any

from posthog_env_async.export.formats.record_batches import arrow_module
from posthog_env_async.pagination import AnyListing

from .arrow import REPORT, to_table

__all__ = ["to_polars"]


async def to_polars(
    listing: AnyListing,
    *,
    columns: Sequence[str] | None = None,
    allow_incomplete: bool = False,
) -> Any:
    """Read a listing into a `polars.DataFrame`; arguments and errors are those of `to_table`.

    `frame.attrs["report"]` has the listing's report. polars knows nothing of it, so frames that are
    made of this one have none.
    """
    polars = arrow_module("polars", "polars")
    table = await to_table(listing, columns=columns, allow_incomplete=allow_incomplete)
    frame = polars.from_arrow(table)
    frame.attrs = {"report": json.loads(table.schema.metadata[REPORT.encode()])}
    return frame
