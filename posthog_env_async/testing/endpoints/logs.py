"""The logs query endpoint (docs/server.md, Logs)."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from typing import Any

from posthog_env_async.testing.data.logs.query import LogQuery, encode_cursor, parse_query
from posthog_env_async.testing.data.logs.rows import LogRows
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.server_state import Installation

__all__ = ["ordinals", "query_logs"]

BREATH = 1000
MAX_EXPORT = 10_000


async def query_logs(site: Installation, call: Request) -> Response:
    """Answer a page of log entries."""
    logs = site.projects[call.project].logs
    version = site.settings.version
    query, echo = parse_query(call, version=version, now=logs.now)
    rows, more = await _page(logs, query, site.settings.log_budget)
    if query.bare:
        for row in rows:
            row |= {"attributes": {}, "resource_attributes": {}}
    body: dict[str, Any] = {"query": echo if version == "new" else [*echo.items()], "results": rows}
    if version != "old":
        body["hasMore"] = more
    if version == "new":
        body["nextCursor"] = (
            encode_cursor(rows[-1]["timestamp"], rows[-1]["uuid"]) if more else None
        )
        body |= {"maxExportableLogs": MAX_EXPORT, "columns": None}
    return json_answer(body)


async def _page(
    logs: LogRows, query: LogQuery, budget: int | None
) -> tuple[list[dict[str, Any]], bool]:
    """Collect up to `limit` rows; with a budget of rows looked at, stop early with more to come."""
    rows: list[dict[str, Any]] = []
    for place, ordinal in enumerate(ordinals(logs, query)):
        if place % BREATH == BREATH - 1:
            await asyncio.sleep(0)
        if rows and budget is not None and place >= budget:
            return rows, True
        row = logs.row(ordinal)
        if query.matches(row):
            if len(rows) == query.limit:
                return rows, True
            rows.append(row)
    return rows, False


def ordinals(logs: LogRows, query: LogQuery) -> range:
    """Give the ordinals within the dates and after the cursor, in the order of the query."""
    everything = range(logs.total)
    first = bisect_left(everything, -query.end, key=lambda at: -logs.time(at))
    last = bisect_right(everything, -query.start, key=lambda at: -logs.time(at))
    if query.after is None:
        return range(first, last) if query.latest else range(last - 1, first - 1, -1)
    mark = (-query.after[0], -query.after[1])

    def order(at: int) -> tuple[int, int]:
        return -logs.time(at), -logs.uuid(at).int

    if query.latest:
        return range(max(first, bisect_right(everything, mark, key=order)), last)
    return range(min(last, bisect_left(everything, mark, key=order)) - 1, first - 1, -1)
