"""Ids of persons, checked before they are sent."""

import re
from collections.abc import Iterable
from uuid import UUID

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.resources.project_scope import is_text

__all__ = ["checked_distinct_id", "checked_uuid", "person_id", "same_kind"]


_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def person_id(id: int | str | UUID) -> str:
    """Return a person's number or UUID as text.

    Raises:
        ConfigurationError: for anything else, such as a distinct id.
    """
    text = str(id)
    if _CANONICAL.fullmatch(text):
        return text
    if not isinstance(id, bool) and text.isascii() and text.isdigit():
        return str(int(text))
    try:
        return str(UUID(text))
    except ValueError:
        message = (
            "a person's id is a whole number or a UUID; for a distinct id use list(distinct_id=…)"
        )
    raise ConfigurationError(message)


def checked_uuid(value: object) -> str:
    """Return a UUID as text.

    Raises:
        ConfigurationError: for anything else.
    """
    try:
        return str(UUID(str(value)))
    except ValueError:
        message = "a person's uuid is a UUID or its text; for other ids use by='distinct_id'"
    raise ConfigurationError(message)


def checked_distinct_id(value: object) -> str:
    """Return a distinct id, or an e-mail address: any text but a blank one.

    Raises:
        ConfigurationError: for anything else.
    """
    if not is_text(value):
        raise ConfigurationError("a distinct id or an e-mail address is a non-empty string")
    return str(value)


def same_kind(
    uuids: Iterable[UUID | str] | None, distinct_ids: Iterable[str] | None
) -> tuple[str, list[tuple[str, UUID | str]]]:
    """Return which kind of ids was given, and each as it is sent and as it was given.

    Raises:
        ConfigurationError: unless exactly one kind was given, as an iterable of ids.
    """
    if (uuids is None) == (distinct_ids is None):
        raise ConfigurationError("give either uuids=… or distinct_ids=…")
    given: Iterable[UUID | str] | None = uuids if distinct_ids is None else distinct_ids
    if given is None or isinstance(given, str | bytes | UUID):
        raise ConfigurationError("uuids and distinct_ids are iterables of ids, not a single id")
    check = checked_uuid if distinct_ids is None else checked_distinct_id
    name = "uuids" if distinct_ids is None else "distinct_ids"
    return name, [(check(id), id) for id in given]
