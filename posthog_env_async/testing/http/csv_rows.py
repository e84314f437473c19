"""The paginated CSV renderer: flattened keys, sorted; no rows, no bytes (docs/server.md, CSV)."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from posthog_env_async.testing.data.person_rows import PersonRows

from .response import Response
from .shapes import is_list, is_object

__all__ = ["CSV_TYPE", "csv_answer"]

CSV_TYPE = "text/csv; charset=utf-8"
BREATH = 500


async def csv_answer(rows: PersonRows, keys: Sequence[int]) -> Response:
    """Answer persons as CSV, built in memory as the server does."""
    flat: list[dict[str, Any]] = []
    for place, key in enumerate(key for key in keys if not rows.population.is_orphan(key)):
        flat.append(dict(_flatten("", rows.row(key))))
        if place % BREATH == BREATH - 1:
            await asyncio.sleep(0)
    header = sorted({name for row in flat for name in row})
    if not header:
        return Response(200, b"", CSV_TYPE)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows(flat)
    return Response(200, text.getvalue().encode("utf-8", "replace"), CSV_TYPE)


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if is_object(value):
        for key, entry in value.items():
            yield from _flatten(f"{prefix}.{key}" if prefix else key, entry)
    elif is_list(value):
        for place, entry in enumerate(value):
            yield from _flatten(f"{prefix}.{place}", entry)
    else:
        yield prefix, "" if value is None else value
