"""Deletions of persons: what a request did, and what became of the events."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, structured_rows

from .model import Model, to_mapping, to_time, to_uuid

__all__ = ["DELETION_ROWS", "DeletionError", "DeletionStatus", "DeletionSummary", "PersonDeletion"]

DeletionStatus = Literal["pending", "completed", "all"]
"""Which deletions are listed."""


@attrs.frozen
class PersonDeletion(Model):
    """The deletion of a person's events (docs/server.md, Other person actions).

    A person that was deleted without its events has none.

    Attributes:
        person_uuid: the person.
        status: `pending`, `completed`, or what later servers add.
        created_at: when it was requested.
        delete_verified_at: when the server verified that no event is left.
        extra: fields of the row that this class does not name.
    """

    person_uuid: UUID = attrs.field(converter=to_uuid)
    status: str = "pending"
    created_at: datetime | None = attrs.field(default=None, converter=to_time)
    delete_verified_at: datetime | None = attrs.field(default=None, converter=to_time)
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


@attrs.frozen
class DeletionError(Model):
    """A person that could not be deleted, and at which step, where the server says so."""

    person_uuid: UUID | None = attrs.field(
        default=None, converter=attrs.converters.optional(to_uuid)
    )
    step: str | None = None
    extra: Mapping[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )


def _to_errors(
    errors: Iterable[DeletionError | Mapping[str, Any]],
) -> tuple[DeletionError, ...]:
    return tuple(
        error if isinstance(error, DeletionError) else DeletionError.from_dict(error)
        for error in errors
    )


@attrs.frozen(kw_only=True)
class DeletionSummary(Model):
    """What `persons.delete_many` did, as far as the server says; `None` where it does not.

    Attributes:
        found: how many of the persons exist.
        deleted: how many are deleted; 0 on the newest servers, which delete later.
        queued: how many will be deleted later, which is a success.
        events_queued: whether their events will be deleted.
        recordings_queued: whether their recordings will be deleted.
        errors: the persons that could not be deleted.
        requests: how many responses this sums up.
    """

    found: int | None = None
    deleted: int | None = None
    queued: int | None = None
    events_queued: bool | None = None
    recordings_queued: bool | None = None
    errors: tuple[DeletionError, ...] = attrs.field(default=(), converter=_to_errors)
    requests: int = 0


def _key(row: PersonDeletion) -> str:
    return f"{row.person_uuid} {row.created_at}"


DELETION_ROWS: RowType[PersonDeletion] = attrs.evolve(structured_rows(PersonDeletion), key=_key)
