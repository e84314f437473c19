"""Deleting persons, one or many, and what became of their events (docs/server.md)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from posthog_env_async.testing.http.errors import invalid
from posthog_env_async.testing.http.pages import standard_page
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.http.shapes import is_list
from posthog_env_async.testing.server_state import Installation, Project

from .persons import require_uuid

__all__ = ["bulk_delete", "delete_data", "delete_person", "list_deletions"]

MOST_IDS = 1000
STATUSES = ("pending", "completed", "all")


async def delete_person(site: Installation, call: Request) -> Response:
    """Delete one person: 202 and no body; the second time 404; switches count by presence."""
    uuid = require_uuid(site, call)
    done = site.projects[call.project].actions.erase(
        uuid,
        events="delete_events" in call.query,
        recordings="delete_recordings" in call.query,
        keep_person="keep_person" in call.query,
        queued=site.settings.version == "new",
    )
    return Response(202) if done else Response(500)


async def delete_data(site: Installation, call: Request) -> Response:
    """Delete the events or the recordings of one person, which stays."""
    uuid = require_uuid(site, call)
    events = call.routed.rstrip("/").endswith("delete_events")
    site.projects[call.project].actions.erase(
        uuid, events=events, recordings=not events, keep_person=True, queued=False
    )
    return Response(202)


async def bulk_delete(site: Installation, call: Request) -> Response:
    """Delete up to a thousand persons; the switches are read from the body alone."""
    fields = call.json_fields()
    project = site.projects[call.project]
    switches = {
        name: fields.get(sent) is True
        for name, sent in (
            ("events", "delete_events"),
            ("recordings", "delete_recordings"),
            ("keep_person", "keep_person"),
        )
    }
    found = _found(project, fields)
    queued = site.settings.version == "new"
    erase = project.actions.erase
    failed = [uuid for uuid in found if not erase(uuid, queued=queued, **switches)]
    status = 500 if found and len(failed) == len(found) else 202
    if site.settings.version == "old":
        return Response(status)
    return json_answer(_summary(found, failed, switches, queued=queued), status=status)


async def list_deletions(site: Installation, call: Request) -> Response:
    """List the deletions of events; a person deleted without events has no row."""
    status = call.query.get("status", "all") or "all"
    if status not in STATUSES:
        raise invalid("invalid_choice", f'"{status}" is not a valid choice.', attr="status")
    erasures = site.projects[call.project].actions.erasures
    return standard_page(call, erasures.status_rows(status, call.query.get("person_uuid", "")))


def _found(project: Project, fields: dict[str, Any]) -> list[UUID]:
    ids, distinct_ids = fields.get("ids"), fields.get("distinct_ids")
    if (ids is None) == (distinct_ids is None):
        raise invalid("invalid_input", "Give either ids or distinct_ids.")
    given = ids if distinct_ids is None else distinct_ids
    if not is_list(given):
        raise invalid("not_a_list", 'Expected a list of items but got type "str".')
    if len(given) > MOST_IDS:
        raise invalid("invalid_input", f"At most {MOST_IDS} ids at a time.")
    if distinct_ids is None:
        keys = [project.population.find(_uuid(text)) for text in given]
    else:
        keys = [project.rows.find_distinct_id(str(text)) for text in given]
    return [project.population.uuid(key) for key in dict.fromkeys(keys) if key is not None]


def _uuid(text: Any) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise invalid("invalid", "Must be a valid UUID.", attr="ids") from None


def _summary(
    found: list[UUID], failed: list[UUID], switches: dict[str, bool], *, queued: bool
) -> dict[str, Any]:
    gone = 0 if switches["keep_person"] else len(found) - len(failed)
    step = {"step": "person"} if queued else {}
    summary: dict[str, Any] = {
        "persons_found": len(found),
        "persons_deleted": 0 if queued else gone,
        "events_queued_for_deletion": switches["events"] and bool(found),
        "recordings_queued_for_deletion": switches["recordings"] and bool(found),
        "deletion_errors": [{"person_uuid": str(uuid), **step} for uuid in failed],
    }
    return summary | ({"persons_queued_for_deletion": gone} if queued else {})
