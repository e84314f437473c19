"""What else the server tells of logs: counts, buckets, attributes, services (docs/server.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from posthog_env_async.testing.data.logs.query import LogQuery, parse_given
from posthog_env_async.testing.data.person_rows import iso
from posthog_env_async.testing.http.errors import hog, invalid
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.http.shapes import is_object
from posthog_env_async.testing.server_state import Installation

from .logs import ordinals

__all__ = [
    "count_logs",
    "has_logs",
    "list_attribute_values",
    "list_attributes",
    "list_services",
    "logs_sparkline",
]

Row = dict[str, Any]
BREATH = 1000
BUCKETS, MOST_SERVICES = 50, 25
PLACES = {"log": "attributes", "resource": "resource_attributes"}


async def count_logs(site: Installation, call: Request) -> Response:
    """Count entries; without a range those of the last hour."""
    return json_answer({"count": len([row async for row in _rows(site, call, _body(call))])})


async def logs_sparkline(site: Installation, call: Request) -> Response:
    """Answer a bare list of buckets, one for each severity in it."""
    given = _body(call)
    query = _query(site, call, given)
    width = max(1, (query.end - query.start) // BUCKETS // 1_000_000) * 1_000_000
    counts = Counter[tuple[int, str]]()
    async for row in _rows(site, call, given):
        counts[(row["at"] // width * width, row["level"])] += 1
    return json_answer(
        [
            {"time": iso(start), "level": level, "count": count}
            for (start, level), count in sorted(counts.items())
        ]
    )


async def list_services(site: Installation, call: Request) -> Response:
    """Answer the services with their counts, 25 at most; the range is required."""
    given = _body(call)
    if not is_object(given.get("dateRange")):
        raise invalid("required", "This field is required.", attr="dateRange")
    counts, errors = Counter[str](), Counter[str]()
    async for row in _rows(site, call, given):
        name = row["resource_attributes"]["service.name"]
        counts[name] += 1
        errors[name] += row["level"] in ("error", "fatal")
    services = [
        {"service_name": name, "log_count": count, "error_count": errors[name]}
        for name, count in counts.most_common(MOST_SERVICES)
    ]
    return json_answer({"services": services})


async def list_attributes(site: Installation, call: Request) -> Response:
    """Answer a page of attribute names."""
    kind = call.query.get("attribute_type", "log")
    if kind not in PLACES:
        raise invalid("invalid_choice", f'"{kind}" is not a valid choice.', attr="attribute_type")
    names: set[str] = set()
    async for row in _rows(site, call, _parameters(call)):
        names |= row[PLACES[kind]].keys()
    found = sorted(name for name in names if call.query.get("search", "").lower() in name.lower())
    offset, limit = _whole(call, "offset", 0), _whole(call, "limit", 100)
    shown = "log_attribute" if kind == "log" else "log_resource_attribute"
    results = [
        {"name": name, "propertyFilterType": shown, "matchedOn": "key", "matchedValue": None}
        for name in found[offset : offset + limit]
    ]
    return json_answer({"results": results, "count": len(found)})


async def list_attribute_values(site: Installation, call: Request) -> Response:
    """Answer the values of an attribute with their counts."""
    key, part = call.query.get("key", ""), call.query.get("value", "").lower()
    if not key:
        raise invalid("required", "This field is required.", attr="key")
    counts = Counter[str]()
    async for row in _rows(site, call, _parameters(call)):
        for place in PLACES.values():
            if key in row[place] and part in row[place][key].lower():
                counts[row[place][key]] += 1
    results = [{"id": name, "name": name, "count": count} for name, count in counts.most_common()]
    return json_answer({"results": results, "refreshing": False})


async def has_logs(site: Installation, call: Request) -> Response:
    """Tell whether the project has any."""
    return json_answer({"hasLogs": site.projects[call.project].logs.total > 0})


def _body(call: Request) -> Row:
    query = call.fields().get("query")
    if not is_object(query):
        raise hog(400, "invalid_request", "parse_error", "query must be an object")
    return query


def _parameters(call: Request) -> Row:
    """Read the filters of a GET: JSON as text."""
    given: Row = {}
    for name in ("dateRange", "serviceNames", "filterGroup"):
        if name in call.query:
            try:
                given[name] = msgspec.json.decode(call.query[name])
            except msgspec.DecodeError:
                raise invalid("invalid_input", f"{name} is not JSON.", attr=name) from None
    return given


def _query(site: Installation, call: Request, given: Row) -> LogQuery:
    logs = site.projects[call.project].logs
    return parse_given({"dateRange": {}, **given}, version=site.settings.version, now=logs.now)


async def _rows(site: Installation, call: Request, given: Row) -> AsyncIterator[Row]:
    logs = site.projects[call.project].logs
    query = _query(site, call, given)
    for place, ordinal in enumerate(ordinals(logs, query)):
        if place % BREATH == BREATH - 1:
            await asyncio.sleep(0)
        row = logs.row(ordinal)
        if query.matches(row):
            yield row | {"at": logs.time(ordinal)}


def _whole(call: Request, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isdecimal() else default
