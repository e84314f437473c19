"""The persons endpoints (docs/server.md, Persons list)."""

from __future__ import annotations

from uuid import UUID

import attrs

from posthog_env_async.testing.data.person_filter import parse_filter
from posthog_env_async.testing.data.population import Population
from posthog_env_async.testing.http.csv_rows import csv_answer
from posthog_env_async.testing.http.errors import (
    invalid,
    method_not_allowed,
    not_found,
    server_error,
)
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import EMPTY_CSV, Response, encode, json_answer
from posthog_env_async.testing.server_state import CapShows, Installation, Project

__all__ = [
    "Window",
    "create_person",
    "get_person",
    "list_persons",
    "read_window",
    "require_uuid",
    "write_page",
]

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
    number = site.before_persons_list(project)
    wanted = parse_filter(call.query, old=site.settings.version == "old")
    matching = await project.scans.keys(wanted) if wanted else None
    if call.renderer == "csv":
        top = CSV_ROWS if site.settings.version == "old" else CLAMP
        return await csv_answer(project.rows, _keys(project, matching, 0, top))
    return write_page(call, project, read_window(site, call, matching, number))


async def get_person(site: Installation, call: Request) -> Response:
    """Answer one person, by integer id or uuid."""
    project = site.projects[call.project]
    key = _find(project, call.item)
    if key is None:
        raise not_found()
    return EMPTY_CSV if call.renderer == "csv" else json_answer(project.rows.single(key))


async def create_person(site: Installation, call: Request) -> Response:
    """Refuse: persons are made by events."""
    raise method_not_allowed("POST", NO_CREATING)


@attrs.frozen
class Window:
    """One window of raw rows, and what its page says of the rest."""

    keys: list[int]
    offset: int
    limit: int
    total: int
    says: CapShows = "next"
    ended: bool = False

    @property
    def more(self) -> bool:
        """Tell whether rows follow."""
        return self.offset + len(self.keys) < self.total


def read_window(
    site: Installation, call: Request, matching: list[int] | None, number: int
) -> Window:
    """Read what a page holds: capped, from a replica that is behind, or ended too early."""
    project = site.projects[call.project]
    settings = site.settings
    limit, offset = _number(call, "limit") or 100, _number(call, "offset")
    rows = limit if settings.version == "old" else min(limit, CLAMP)
    if settings.page_cap is not None:
        rows = min(rows, settings.page_cap)
        limit = min(limit, settings.page_cap) if settings.cap_shows == "next" else limit
    behind = project.replica_at(number) if matching is None else None
    if behind is not None:
        keys, total = _keys_of_replica(project, behind, offset, rows), len(behind)
    else:
        keys = _keys(project, matching, offset, rows)
        total = len(project.population) if matching is None else len(matching)
    ended = number in settings.false_ends
    if ended:
        keys = keys[: len(keys) // 2]
    return Window(keys, offset, limit, total, settings.cap_shows, ended)


def write_page(call: Request, project: Project, window: Window) -> Response:
    """Write the page; the number of raw ids decides `next`, orphans have no row."""
    population = project.population
    rows = [key for key in window.keys if population.alive(key) and not population.is_orphan(key)]
    if population.tie > 1:
        rows.sort(key=lambda key: (-population.created(key), population.uuid_number(key)))
    parts = [b'{"results":[' + b",".join(map(project.rows.encoded, rows)) + b"]"]
    if window.says == "has_next":
        parts.append(b'"has_next":' + encode(window.more and not window.ended))
    else:
        parts += _links(call, window)
    if "include_total" in call.query or window.says == "count":
        parts.append(b'"count":%d' % window.total)
    return Response(200, b",".join(parts) + b"}", "application/json")


def _links(call: Request, window: Window) -> list[bytes]:
    offset, limit = window.offset, window.limit
    full = len(window.keys) >= limit and not window.ended
    following = call.link(offset=offset + limit) if full else None
    before = call.link(offset=offset - limit) if offset >= limit else None
    return [b'"next":' + encode(following), b'"previous":' + encode(before)]


def require_uuid(site: Installation, call: Request) -> UUID:
    """Find the uuid of the person that a path means, or refuse with a 404."""
    project = site.projects[call.project]
    key = _find(project, call.item)
    if key is None:
        raise not_found()
    return project.population.uuid(key)


def _number(call: Request, name: str) -> int:
    text = call.query.get(name, "")
    try:
        number = int(text or 0)
    except ValueError:
        raise server_error() from None
    if number < 0:
        raise server_error()
    return number


def _keys(project: Project, matching: list[int] | None, offset: int, count: int) -> list[int]:
    if matching is not None:
        return matching[offset : offset + count]
    return [*project.population.keys(offset, count)]


def _keys_of_replica(project: Project, behind: Population, offset: int, count: int) -> list[int]:
    """Give what a replica knows; a row whose person is gone since, or has moved, is as it is."""
    keys: list[int] = []
    for key in behind.keys(offset, count):
        now = project.population.find(behind.uuid(key))
        keys.append(key if now is None else now)
    return keys


def _find(project: Project, text: str) -> int | None:
    if text.isascii() and text.isdecimal():
        return project.population.from_number(int(text))
    try:
        return project.population.find(UUID(text))
    except ValueError:
        raise invalid("invalid_input", NOT_A_PERSON_ID) from None
