"""Changing persons: properties and splits; accepted first, done later (docs/server.md)."""

from __future__ import annotations

from typing import Any

from posthog_env_async.testing.http.errors import hog, invalid
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import RefusedError, Response, json_answer
from posthog_env_async.testing.http.shapes import is_list, is_object
from posthog_env_async.testing.server_state import Installation

from .persons import require_uuid

__all__ = [
    "delete_property",
    "reset_distinct_id",
    "split_person",
    "update_person",
    "update_property",
]

DONE: dict[str, Any] = {"success": True}


async def update_person(site: Installation, call: Request) -> Response:
    """Set properties: 202 and no body, whatever comes of it."""
    uuid = require_uuid(site, call)
    properties = call.json_fields().get("properties")
    if not is_object(properties):
        raise invalid("required", "This field is required.", attr="properties")
    site.projects[call.project].actions.set_properties(uuid, properties)
    return Response(202)


async def update_property(site: Installation, call: Request) -> Response:
    """Set one property; null is a value; code and detail of a refusal are swapped."""
    uuid = require_uuid(site, call)
    fields = call.json_fields()
    for name in ("value", "key"):
        if name not in fields:
            raise hog(400, "validation_error", "This field is required.", "required", attr=name)
    site.projects[call.project].actions.set_properties(uuid, {fields["key"]: fields["value"]})
    return Response(202)


async def delete_property(site: Installation, call: Request) -> Response:
    """Remove one property: 201, or `success` false."""
    uuid = require_uuid(site, call)
    name = call.json_fields().get("$unset")
    if not isinstance(name, str) or not name:
        detail = "$unset is missing"
        raise RefusedError(json_answer({"success": False, "detail": detail}, status=400))
    site.projects[call.project].actions.unset_property(uuid, name)
    return json_answer(DONE, status=201)


async def split_person(site: Installation, call: Request) -> Response:
    """Make persons of distinct ids: of those named, or of all but the main one."""
    uuid = require_uuid(site, call)
    project = site.projects[call.project]
    fields = call.json_fields()
    key = project.population.find(uuid)
    held: list[str] = [] if key is None else project.rows.row(key)["distinct_ids"]
    named, main = fields.get("distinct_ids_to_split"), fields.get("main_distinct_id")
    if is_list(named):
        leaving = [each for each in named if each in held]
    else:
        leaving = [each for each in held if each != (main or held[0])]
    project.actions.split(uuid, leaving)
    return json_answer(DONE, status=201)


async def reset_distinct_id(site: Installation, call: Request) -> Response:
    """Accept that a distinct id may be used again."""
    if not isinstance(call.json_fields().get("distinct_id"), str):
        raise invalid("required", "This field is required.", attr="distinct_id")
    return Response(202)
