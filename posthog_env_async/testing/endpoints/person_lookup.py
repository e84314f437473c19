"""Looking persons up: in batches, by time, their values, cohorts and activity (docs/server.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from posthog_env_async.testing.http.errors import (
    endpoint_not_found,
    invalid,
    method_not_allowed,
)
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import RefusedError, Response, encode, json_answer
from posthog_env_async.testing.http.shapes import is_list
from posthog_env_async.testing.server_state import Installation, Project

from .persons import require_uuid

__all__ = [
    "batch_by_distinct_ids",
    "batch_by_uuids",
    "list_activity",
    "list_values",
    "person_at_time",
    "person_cohorts",
]

BATCH, SHOWN_IDS = 200, 10
MOST_VALUES = 1000
BREATH = 1000


async def batch_by_distinct_ids(site: Installation, call: Request) -> Response:
    """Answer persons by distinct id: of the first 200 alone, without a word about the others."""
    project, given = _batch(site, call, "distinct_ids")
    keys = {str(text): project.rows.find_distinct_id(str(text)) for text in given[:BATCH]}
    return _batch_answer(project, keys)


async def batch_by_uuids(site: Installation, call: Request) -> Response:
    """Answer persons by uuid, as by distinct id; a malformed one is refused."""
    project, given = _batch(site, call, "uuids")
    keys = {str(text): project.population.find(_uuid(text)) for text in given[:BATCH]}
    return _batch_answer(project, keys)


async def list_values(site: Installation, call: Request) -> Response:
    """Count the values of a property; old servers answer a bare list."""
    key, part = call.query.get("key", ""), call.query.get("value", "").lower()
    if not key:
        raise invalid("required", "You must provide a key.", attr="key")
    counts = await _counts(site.projects[call.project], key)
    rows = [
        {"name": name, "count": count}
        for name, count in counts.most_common(MOST_VALUES)
        if part in name.lower()
    ]
    body = rows if site.settings.version == "old" else {"results": rows, "refreshing": False}
    return json_answer(body, headers={"Cache-Control": "max-age=10"})


async def person_cohorts(site: Installation, call: Request) -> Response:
    """List the cohorts that a person belongs to."""
    project = site.projects[call.project]
    call.item = call.query.get("person_id", "")
    key = project.population.find(require_uuid(site, call))
    held = project.cohorts.cohorts.values()
    mine = [each for each in held if key is not None and each.holds(project.scans, key)]
    return json_answer({"results": [each.row(None) for each in mine]})


async def list_activity(site: Installation, call: Request) -> Response:
    """Answer a page of what happened: by page number, ten at a time."""
    uuid = str(require_uuid(site, call)) if call.item else ""
    entries = site.projects[call.project].actions.activity.entries(uuid)
    limit, page = _positive(call, "limit", 10), _positive(call, "page", 1)
    start, end = (page - 1) * limit, page * limit
    following = {**call.query, "page": str(page + 1)}
    link = f"{call.origin}{call.path}?{urlencode(following)}" if end < len(entries) else None
    body = {
        "results": entries[start:end],
        "next": link,
        "previous": None,
        "total_count": len(entries),
    }
    return json_answer(body)


async def person_at_time(site: Installation, call: Request) -> Response:
    """Answer a person as it was; errors come as `error` alone."""
    moment = _moment(call.query.get("timestamp", ""))
    distinct_id, person_id = call.query.get("distinct_id"), call.query.get("person_id")
    if (distinct_id is None) == (person_id is None):
        raise _error(400, "Give either distinct_id or person_id.")
    project = site.projects[call.project]
    if distinct_id is not None:
        key = project.rows.find_distinct_id(distinct_id)
    else:
        key = project.population.find(_plain_uuid(person_id or ""))
    if key is None:
        raise _error(404, "Person not found.")
    uuid = project.population.uuid(key)
    metadata = {
        "queried_timestamp": moment.isoformat(),
        "include_set_once": call.query.get("include_set_once", "false") == "true",
        "query_mode": "person_id" if distinct_id is None else "distinct_id",
        "distinct_id_used": distinct_id,
    }
    properties = project.actions.properties_at(uuid, moment.timestamp())
    shown = project.rows.single(key) | {"properties": properties}
    return json_answer(shown | {"point_in_time_metadata": metadata})


def _batch(site: Installation, call: Request, name: str) -> tuple[Project, list[Any]]:
    if site.settings.without_batches == 404:
        raise endpoint_not_found()
    if site.settings.without_batches == 405:
        raise method_not_allowed("POST")
    given = call.json_fields().get(name)
    if not is_list(given):
        raise invalid("required", "This field is required.", attr=name)
    return site.projects[call.project], given


def _batch_answer(project: Project, keys: dict[str, int | None]) -> Response:
    results: dict[str, Any] = {}
    for text, key in keys.items():
        if key is not None:
            shown = project.rows.single(key)
            results[text] = shown | {"distinct_ids": (shown["distinct_ids"] or [])[:SHOWN_IDS]}
    return json_answer({"results": results})


async def _counts(project: Project, key: str) -> Counter[str]:
    counts = Counter[str]()
    population = project.population
    for place, row_key in enumerate(population.keys(0, len(population))):
        if place % BREATH == BREATH - 1:
            await asyncio.sleep(0)
        value = project.rows.properties(row_key).get(key)
        for each in value if is_list(value) else (() if value is None else (value,)):
            counts[each if isinstance(each, str) else encode(each).decode()] += 1
    return counts


def _positive(call: Request, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _error(400, "timestamp is missing or not an ISO 8601 time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _error(status: int, text: str) -> RefusedError:
    return RefusedError(json_answer({"error": text}, status=status))


def _uuid(text: Any) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise invalid("invalid", "Must be a valid UUID.", attr="uuids") from None


def _plain_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _error(400, "person_id is not a UUID.") from None
