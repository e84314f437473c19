"""What the server knows of persons besides their rows: values, activity, cohorts, the past."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime

from posthog_env_async.converter import as_mapping, load
from posthog_env_async.errors import ConfigurationError, PaginationError
from posthog_env_async.models import (
    ACTIVITY_ROWS,
    COHORT_ROWS,
    PERSON_ROWS,
    VALUE_ROWS,
    ActivityEntry,
    Cohort,
    Person,
    PropertyValue,
)
from posthog_env_async.pagination import checked_numbers
from posthog_env_async.resources.project_scope import ProjectScope, is_text, read_rows

__all__ = ["list_activity", "list_cohorts_of", "list_property_values", "person_at"]

READ = ("person:read",)
ACTIVITY_PAGE = 100


async def list_property_values(
    project: ProjectScope, key: str, search: str | None
) -> tuple[PropertyValue, ...]:
    """Ask for the values of a property."""
    if not is_text(key):
        raise ConfigurationError("key must be the name of a property")
    request = project.request(
        "persons/values/",
        params={"key": key, **({} if search is None else {"value": search})},
        scope=READ,
        budget="persons",
    )
    return await project.session.fetch(request, lambda body: read_rows(body, VALUE_ROWS))


async def list_cohorts_of(project: ProjectScope, id: str) -> tuple[Cohort, ...]:
    """Ask for the cohorts that a person belongs to."""
    request = project.request(
        "persons/cohorts/",
        params={"person_id": id},
        scope=(*READ, "cohort:read"),
        budget="persons",
    )
    return await project.session.fetch(request, lambda body: read_rows(body, COHORT_ROWS))


async def person_at(
    project: ProjectScope, moment: datetime | date | str, ids: dict[str, str]
) -> Person:
    """Ask for a person as it was."""
    request = project.request(
        "persons/properties_at_time/",
        params={"timestamp": _iso(moment), **ids},
        scope=READ,
        budget="persons",
    )
    return await project.session.fetch(request, PERSON_ROWS.read)


async def list_activity(
    project: ProjectScope, id: str | None, max_items: int | None
) -> AsyncGenerator[ActivityEntry]:
    """Yield what happened, newest first, page after page by number; an entry comes once."""
    checked_numbers(max_items=max_items)
    path = "persons/activity/" if id is None else f"persons/{id}/activity/"
    seen, page, left = set[str](), 1, max_items
    while left is None or left > 0:
        params = {"limit": str(ACTIVITY_PAGE), "page": str(page)}
        request = project.request(
            path, params=params, scope=("activity_log:read",), budget="persons"
        )
        entries, more = await project.session.fetch(request, _activity_page)
        new = {_identity(entry): entry for entry in entries if _identity(entry) not in seen}
        if entries and not new:
            raise PaginationError("the server sends the same page of activity again")
        for entry in list(new.values())[:left]:
            yield entry
        seen |= new.keys()
        left = None if left is None else left - len(new)
        if not entries or not (more or len(entries) >= ACTIVITY_PAGE):
            return
        page += 1


def _activity_page(body: bytes) -> tuple[tuple[ActivityEntry, ...], bool]:
    return read_rows(body, ACTIVITY_ROWS), bool(as_mapping(load(body)).get("next"))


def _identity(entry: ActivityEntry) -> str:
    return entry.id or f"{entry.item_id} {entry.activity} {entry.created_at}"


def _iso(moment: datetime | date | str) -> str:
    try:
        time = datetime.fromisoformat(moment if isinstance(moment, str) else moment.isoformat())
    except (ValueError, AttributeError, TypeError):
        message = "a moment is a datetime, a date or an ISO 8601 text"
    else:
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise ConfigurationError(message)
