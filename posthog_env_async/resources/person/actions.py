"""What changes and deletes persons."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import DELETION_ROWS, DeletionStatus, DeletionSummary, PersonDeletion
from posthog_env_async.pagination import Listing, PageSize
from posthog_env_async.resources.project_scope import ProjectScope

from .changes import apply_change, setting, splitting, unsetting
from .deletion import Switches, delete_many, delete_one
from .ids import checked_uuid, person_id, same_kind

__all__ = ["PersonActions"]


@attrs.frozen
class PersonActions:
    """The methods of `Persons` that change or delete persons."""

    _project: ProjectScope

    async def update(
        self, id: int | str | UUID, properties: Mapping[str, Any], *, wait: float | None = None
    ) -> bool | None:
        """Set properties; others stay as they are. Needs `person:write`.

        The server accepts the change and makes it later, or, when something fails behind its
        answer, never. With `wait` seconds the person is read (`person:read`) until the change
        shows: true when it does, else false. Not sent again when it may have arrived.
        """
        return await apply_change(self._project, person_id(id), setting(properties), wait)

    async def set_property(
        self, id: int | str | UUID, key: str, value: Any, *, wait: float | None = None
    ) -> bool | None:
        """Set one property, `None` included; accepted, not yet done: see `update`."""
        change = setting({key: value}, alone=True)
        return await apply_change(self._project, person_id(id), change, wait)

    async def unset_property(
        self, id: int | str | UUID, key: str, *, wait: float | None = None
    ) -> bool | None:
        """Remove one property; accepted, not yet done: see `update`."""
        return await apply_change(self._project, person_id(id), unsetting(key), wait)

    async def split(
        self,
        id: int | str | UUID,
        *,
        main_distinct_id: str | None = None,
        distinct_ids: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> bool | None:
        """Make persons of `distinct_ids`, or of all but `main_distinct_id`; see `update`.

        Take care: splitting off the id that the person was created with does nothing, and blanks
        the person's row in lists. No answer of the server says which id that is, so split off ids
        that you know to have come later.
        """
        change = splitting(main_distinct_id, distinct_ids)
        return await apply_change(self._project, person_id(id), change, wait)

    async def delete(
        self,
        id: int | str | UUID,
        *,
        events: bool = False,
        recordings: bool = False,
        keep_person: bool = False,
    ) -> None:
        """Delete one person, and its `events` and `recordings` if so wanted; needs `person:write`.

        `keep_person` deletes only those. The person goes at once or soon, its events later (see
        `deletions`).

        Raises:
            NotFoundError: when there is none; not when an earlier attempt of this call deleted it.
        """
        switches = Switches(events=events, recordings=recordings, keep_person=keep_person)
        await delete_one(self._project, person_id(id), switches)

    async def delete_many(
        self,
        *,
        uuids: Iterable[UUID | str] | None = None,
        distinct_ids: Iterable[str] | None = None,
        events: bool = False,
        recordings: bool = False,
        keep_person: bool = False,
    ) -> DeletionSummary:
        """Delete any number of persons, 1,000 a request; needs `person:write`.

        An answer that says that nothing could be deleted is a summary with `errors`. A request that
        may have arrived is not sent again: for many persons, and a record of what became of each,
        use `posthog_env_async.erasure`.

        Raises:
            ConfigurationError: unless one kind of ids is given.
        """
        name, ids = same_kind(uuids, distinct_ids)
        switches = Switches(events=events, recordings=recordings, keep_person=keep_person)
        unique = list(dict.fromkeys(sent for sent, _ in ids))
        return await delete_many(self._project, name, unique, switches)

    def deletions(
        self,
        *,
        status: DeletionStatus = "all",
        person_uuid: UUID | str | None = None,
        page_size: PageSize = 100,
        max_items: int | None = None,
    ) -> Listing[PersonDeletion]:
        """List the deletions of events: a person deleted without its events is not among them."""
        if status not in ("pending", "completed", "all"):
            raise ConfigurationError("status must be 'pending', 'completed' or 'all'")
        of_one = {} if person_uuid is None else {"person_uuid": checked_uuid(person_uuid)}
        request = self._project.request(
            "persons/deletion_status/",
            params={"status": status, **of_one},
            scope=("person:read",),
            budget="persons",
        )
        return self._project.listing(
            request, DELETION_ROWS, page_size=page_size, max_items=max_items
        )
