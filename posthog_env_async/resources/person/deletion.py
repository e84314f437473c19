"""Persons deleted, one or many, and what the server says of it."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import attrs

from posthog_env_async.converter import as_mapping, load
from posthog_env_async.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    NotFoundError,
    ResponseDecodeError,
)
from posthog_env_async.models import DeletionError, DeletionSummary
from posthog_env_async.resources.project_scope import ProjectScope
from posthog_env_async.session import RequestCounter

__all__ = ["MAX_IDS", "Switches", "delete_many", "delete_one"]

MAX_IDS = 1000
MAX_SUMMARY = 1 << 20  # an error answer may name all of them
WRITE = ("person:write",)
COUNTS = {
    "found": "persons_found",
    "deleted": "persons_deleted",
    "queued": "persons_queued_for_deletion",
}
FLAGS = {
    "events_queued": "events_queued_for_deletion",
    "recordings_queued": "recordings_queued_for_deletion",
}


@attrs.frozen(kw_only=True)
class Switches:
    """What is deleted besides the person, or instead of it."""

    events: bool = False
    recordings: bool = False
    keep_person: bool = False

    def __attrs_post_init__(self) -> None:
        if not all(isinstance(each, bool) for each in attrs.astuple(self)):
            raise ConfigurationError("events, recordings and keep_person are True or False")
        if self.keep_person and not (self.events or self.recordings):
            raise ConfigurationError("keep_person without events or recordings deletes nothing")

    def body(self) -> dict[str, bool]:
        """Return all of them by the server's names, for the body of a request."""
        return {
            "delete_events": self.events,
            "delete_recordings": self.recordings,
            "keep_person": self.keep_person,
        }

    def query(self) -> dict[str, str]:
        """Return those that are on, for a query: there the server goes by presence alone."""
        return {name: "true" for name, on in self.body().items() if on}


async def delete_one(project: ProjectScope, id: str, switches: Switches) -> None:
    """Delete one person.

    Raises:
        NotFoundError: when there is none; not when an earlier attempt of this call deleted it.
    """
    counter = RequestCounter()
    request = project.request(
        f"persons/{id}/",
        method="DELETE",
        params=switches.query(),
        scope=WRITE,
        counter=counter,
    )
    try:
        await project.session.fetch(request, bytes)
    except NotFoundError:
        if not counter.lost:
            raise


async def delete_many(
    project: ProjectScope, name: str, ids: list[str], switches: Switches
) -> DeletionSummary:
    """Delete persons by ids of one kind, at most 1,000 a request, one request after the other."""
    total: DeletionSummary | None = None
    for start in range(0, len(ids), MAX_IDS):
        try:
            part = await _delete_some(project, name, ids[start : start + MAX_IDS], switches)
        except (APIStatusError, APIConnectionError) as error:
            if start:
                error.add_note(f"the first {start} of {len(ids)} ids were sent before this")
            raise
        total = part if total is None else _sum(total, part)
    return total or DeletionSummary(found=0, deleted=0)


async def _delete_some(
    project: ProjectScope, name: str, ids: list[str], switches: Switches
) -> DeletionSummary:
    sent = "ids" if name == "uuids" else name
    request = project.request(
        "persons/bulk_delete/",
        method="POST",
        json={sent: ids, **switches.body()},
        scope=WRITE,
        error_bytes=MAX_SUMMARY,
    )
    try:
        return await project.session.fetch(request, _decoded)
    except APIStatusError as error:
        summary = error.extra if COUNTS["found"] in error.extra else None
        if summary is None:
            raise
    return _summary(summary)


def _decoded(body: bytes) -> DeletionSummary:
    return _summary(as_mapping(load(body))) if body.strip() else DeletionSummary(requests=1)


def _summary(fields: Mapping[str, Any]) -> DeletionSummary:
    counts: dict[str, Any] = {
        name: _number(fields.get(wire_name)) for name, wire_name in COUNTS.items()
    }
    flags = {name: _flag(fields.get(wire_name)) for name, wire_name in FLAGS.items()}
    errors = fields.get("deletion_errors")
    listed = cast("list[object]", errors) if isinstance(errors, list) else []
    return DeletionSummary(
        **counts, **flags, errors=tuple(_error(as_mapping(each)) for each in listed), requests=1
    )


def _error(fields: Mapping[str, Any]) -> DeletionError:
    text, step = fields.get("person_uuid"), fields.get("step")
    try:
        uuid = UUID(text) if isinstance(text, str) else None
    except ValueError:
        uuid = None
    rest = {name: value for name, value in fields.items() if name not in ("person_uuid", "step")}
    return DeletionError(uuid, step if isinstance(step, str) else None, rest)


def _number(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ResponseDecodeError(
            "the answer is not a summary of a deletion: expected whole numbers"
        )
    return value


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)


def _sum(first: DeletionSummary, second: DeletionSummary) -> DeletionSummary:
    summed: dict[str, Any] = {}
    for name in (*COUNTS, *FLAGS):
        one, two = getattr(first, name), getattr(second, name)
        if one is None or two is None:
            summed[name] = None
        else:
            summed[name] = one or two if name in FLAGS else one + two
    return DeletionSummary(
        **summed, errors=first.errors + second.errors, requests=first.requests + second.requests
    )
