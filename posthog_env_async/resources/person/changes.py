"""Changes of persons, which the server accepts first and makes later."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from posthog_env_async.converter import dump, load
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import PERSON_ROWS, Person
from posthog_env_async.resources.project_scope import ProjectScope, is_text

__all__ = ["Change", "apply_change", "setting", "splitting", "unsetting"]

FIRST_LOOK, MAX_PAUSE = 0.1, 5.0
WRONG_WAIT = "wait must be seconds, 0 or more"


@attrs.frozen(kw_only=True)
class Change:
    """One change: what to send, and how to see that it was made."""

    method: str
    action: str
    body: Mapping[str, Any] = attrs.field(repr=False)
    shows: Callable[[Person, Person | None], bool] = attrs.field(repr=False)
    needs_before: bool = False


def setting(properties: Mapping[str, Any], *, alone: bool = False) -> Change:
    """Describe setting properties, one `alone` by an action of its own.

    Raises:
        ConfigurationError: when they are not a mapping of names to JSON values.
    """
    if not isinstance(properties, dict) or not properties or not all(map(is_text, properties)):
        raise ConfigurationError("properties are a non-empty dict of names to values")
    wanted = _as_json(properties)

    def shows(person: Person, _: Person | None) -> bool:
        held = person.properties
        return all(name in held and held[name] == value for name, value in wanted.items())

    if alone:
        ((key, value),) = properties.items()
        body = {"key": key, "value": value}
        return Change(method="POST", action="update_property/", body=body, shows=shows)
    return Change(method="PATCH", action="", body={"properties": properties}, shows=shows)


def unsetting(key: str) -> Change:
    """Describe removing a property.

    Raises:
        ConfigurationError: when the key is not text.
    """
    if not is_text(key):
        raise ConfigurationError("key must be the name of a property")
    return Change(
        method="POST",
        action="delete_property/",
        body={"$unset": key},
        shows=lambda person, _: key not in person.properties,
    )


def splitting(main: str | None, distinct_ids: Sequence[str] | None) -> Change:
    """Describe splitting distinct ids off: those named, or all but the main one.

    Raises:
        ConfigurationError: unless exactly one of the two is given.
    """
    if (main is None) == (distinct_ids is None) or isinstance(distinct_ids, str):
        raise ConfigurationError("give either main_distinct_id='…' or distinct_ids=['…', …]")
    ids = None if distinct_ids is None else [*distinct_ids]
    if not all(map(is_text, ids if ids is not None else [main])) or ids == []:
        raise ConfigurationError("distinct ids are non-empty strings, one or more")

    def shows(person: Person, before: Person | None) -> bool:
        leaving = ids if ids is not None else [each for each in _ids(before) if each != main]
        return not set(person.distinct_ids) & set(leaving)

    body = {"main_distinct_id": main} if ids is None else {"distinct_ids_to_split": ids}
    return Change(method="POST", action="split/", body=body, shows=shows, needs_before=ids is None)


async def apply_change(
    project: ProjectScope, id: str, change: Change, wait: float | None
) -> bool | None:
    """Send a change; with `wait`, look until it shows, and return whether it does."""
    if wait is not None and not wait >= 0:
        raise ConfigurationError(WRONG_WAIT)
    before = await _person(project, id) if change.needs_before and wait is not None else None
    request = project.request(
        f"persons/{id}/{change.action}",
        method=change.method,
        json=change.body,
        scope=("person:write",),
        budget="persons",
    )
    await project.session.fetch(request, bytes)
    if wait is None:
        return None
    return await _look(project, id, lambda person: change.shows(person, before), wait)


async def _look(
    project: ProjectScope, id: str, shows: Callable[[Person], bool], wait: float
) -> bool:
    now = asyncio.get_running_loop().time
    ends, pause = now() + wait, FIRST_LOOK
    while not shows(await _person(project, id)):
        left = ends - now()
        if left <= 0:
            return False
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 2, MAX_PAUSE)
    return True


async def _person(project: ProjectScope, id: str) -> Person:
    request = project.request(f"persons/{id}/", scope=("person:read",), budget="persons")
    return await project.session.fetch(request, PERSON_ROWS.read)


def _ids(person: Person | None) -> tuple[str, ...]:
    return () if person is None else person.distinct_ids


def _as_json(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        read: Mapping[str, Any] = load(dump(properties))
    except (TypeError, ValueError, RecursionError):
        message = "a property's value is anything that JSON can hold"
    else:
        return read
    raise ConfigurationError(message)
