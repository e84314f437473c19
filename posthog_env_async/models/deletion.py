"""Deletions of persons: what a request did, and what became of the events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import attrs

from posthog_env_async.converter import RowType, structured_rows

__all__ = ["DELETION_ROWS", "DeletionError", "DeletionStatus", "DeletionSummary", "PersonDeletion"]

DeletionStatus = Literal["pending", "completed", "all"]


@attrs.frozen
class PersonDeletion:
    """The deletion of a person's events (docs/server.md, Other person actions).

    `status` is `pending` or `completed`, or what later servers add; `delete_verified_at` is when
    the server made sure that no event is left. A person deleted without its events has none.
    """

    person_uuid: UUID
    status: str = "pending"
    created_at: datetime | None = None
    delete_verified_at: datetime | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen
class DeletionError:
    """A person that could not be deleted, and at which step, where the server says so."""

    person_uuid: UUID | None = None
    step: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen(kw_only=True)
class DeletionSummary:
    """What `persons.delete_many` did, as far as the server says; `None` where it does not.

    The newest servers delete later: then `deleted` is 0 and `queued` has the number, which is a
    success. `requests` is how many answers this sums up.
    """

    found: int | None = None
    deleted: int | None = None
    queued: int | None = None
    events_queued: bool | None = None
    recordings_queued: bool | None = None
    errors: tuple[DeletionError, ...] = ()
    requests: int = 0


def _key(row: PersonDeletion) -> str:
    return f"{row.person_uuid} {row.created_at}"


DELETION_ROWS: RowType[PersonDeletion] = attrs.evolve(structured_rows(PersonDeletion), key=_key)
