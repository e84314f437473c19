"""Listings as pandas data frames."""

import json
from collections.abc import Sequence
from typing import Any

from posthog_env_async.export.formats.record_batches import arrow_module
from posthog_env_async.pagination import AnyListing

from .arrow import REPORT, to_table

__all__ = ["to_pandas"]


async def to_pandas(
    listing: AnyListing,
    *,
    columns: Sequence[str] | None = None,
    allow_incomplete: bool = False,
) -> Any:
    """Read a listing into a `pandas.DataFrame`; arguments and errors are those of `to_table`.

    Texts are `string`, whole numbers `Int64`, truth values `boolean`, so that a missing value
    changes none of the others; times are aware. `frame.attrs["report"]` has the listing's report.
    """
    pandas, arrow = arrow_module("pandas", "pandas"), arrow_module("pyarrow", "pandas")
    table = await to_table(listing, columns=columns, allow_incomplete=allow_incomplete)
    types = {
        arrow.string(): pandas.StringDtype(),
        arrow.int64(): pandas.Int64Dtype(),
        arrow.float64(): pandas.Float64Dtype(),
        arrow.bool_(): pandas.BooleanDtype(),
    }
    frame = table.to_pandas(types_mapper=types.get)
    frame.attrs["report"] = json.loads(table.schema.metadata[REPORT.encode()])
    return frame
