"""The persons endpoints (docs/server.md, Persons list)."""

from __future__ import annotations

from uuid import UUID

from posthog_env_async.testing.data.person_filter import parse_filter
from posthog_env_async.testing.http.csv_rows import csv_answer
from posthog_env_async.testing.http.errors import (
    invalid,
    method_not_allowed,
    not_found,
    server_error,
)
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import EMPTY_CSV, Response, encode, json_answer
from posthog_env_async.testing.server_state import Installation, Project

__all__ = ["create_person", "delete_person", "get_person", "list_persons"]

CLAMP = 50_000
CSV_ROWS = 300_000
NOT_A_PERSON_ID = (
    "The ID provided does not look like a personID. If you are using a distinctId, please use "
    "/persons?distinct_id=... instead."
)
NO_CREATING = (
    "Creating persons via this API is not allowed. "
    "Please create persons by sending an $identify event."
)


async def list_persons(site: Installation, call: Request) -> Response:
    """Answer a page of persons, or all of them as CSV."""
    project = site.projects[call.project]
    site.before_persons_list(project)
    limit, offset = _number(call, "limit") or 100, _number(call, "offset")
    wanted = parse_filter(call.query, old=site.settings.version == "old")
    matching = await project.scans.keys(wanted) if wanted else None
    if call.renderer == "csv":
        top = CSV_ROWS if site.settings.version == "old" else CLAMP
        keys = _window(project, matching, 0, top)
        return await csv_answer(project.rows, keys)
    rows = limit if site.settings.version == "old" else min(limit, CLAMP)
    if site.settings.page_cap is not None:
        rows, limit = min(rows, site.settings.page_cap), min(limit, site.settings.page_cap)
    keys = _window(project, matching, offset, rows)
    total = len(project.population) if matching is None else len(matching)
    return _page(call, project, keys, limit=limit, offset=offset, total=total)


async def get_person(site: Installation, call: Request) -> Response:
    """Answer one person, by integer id or uuid."""
    project = site.projects[call.project]
    key = _find(project, call.item)
    if key is None:
        raise not_found()
    return EMPTY_CSV if call.renderer == "csv" else json_answer(project.rows.single(key))


async def delete_person(site: Installation, call: Request) -> Response:
    """Delete one person: 202 and no body; the second time 404.

    See docs/server.md, Other person actions.
    """
    project = site.projects[call.project]
    key = _find(project, call.item)
    if key is None:
        raise not_found()
    project.population.delete(key)
    return Response(202)


async def create_person(site: Installation, call: Request) -> Response:
    """Refuse: persons are made by events."""
    raise method_not_allowed("POST", NO_CREATING)


def _number(call: Request, name: str) -> int:
    text = call.query.get(name, "")
    try:
        number = int(text or 0)
    except ValueError:
        raise server_error() from None
    if number < 0:
        raise server_error()
    return number


def _window(project: Project, matching: list[int] | None, offset: int, count: int) -> list[int]:
    if matching is not None:
        return matching[offset : offset + count]
    return [*project.population.keys(offset, count)]


def _page(
    call: Request, project: Project, keys: list[int], *, limit: int, offset: int, total: int
) -> Response:
    """Write the page; the number of raw ids decides `next`, orphans have no row.

    See docs/server.md, Paging.
    """
    population = project.population
    rows = [key for key in keys if not population.is_orphan(key)]
    if population.tie > 1:
        rows.sort(key=lambda key: (-population.created(key), population.uuid_number(key)))
    following = call.link(offset=offset + limit) if len(keys) >= limit else None
    before = call.link(offset=offset - limit) if offset >= limit else None
    parts = [
        b'{"results":[' + b",".join(map(project.rows.encoded, rows)) + b"]",
        b'"next":' + encode(following),
        b'"previous":' + encode(before),
    ]
    if "include_total" in call.query:
        parts.append(b'"count":%d' % total)
    return Response(200, b",".join(parts) + b"}", "application/json")


def _find(project: Project, text: str) -> int | None:
    if text.isascii() and text.isdecimal():
        return project.population.from_number(int(text))
    try:
        return project.population.find(UUID(text))
    except ValueError:
        raise invalid("invalid_input", NOT_A_PERSON_ID) from None
