"""Persons: list, look up, change, delete."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime
from typing import Any, TypeVar, overload
from uuid import UUID

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError, ResponseDecodeError
from posthog_env_async.models import (
    DELETION_ROWS,
    PERSON_ROWS,
    ActivityEntry,
    Cohort,
    DeletionStatus,
    DeletionSummary,
    Person,
    PersonDeletion,
    PropertyFilter,
    PropertyValue,
)
from posthog_env_async.pagination import Listing, PageSize
from posthog_env_async.resources.person.changes import apply_change, setting, splitting, unsetting
from posthog_env_async.resources.person.csv import single_csv, stream_csv
from posthog_env_async.resources.person.deletion import Switches, delete_many, delete_one
from posthog_env_async.resources.person.facts import (
    list_activity,
    list_cohorts_of,
    list_property_values,
    person_at,
)
from posthog_env_async.resources.person.ids import (
    checked_distinct_id,
    checked_uuid,
    person_id,
    same_kind,
)
from posthog_env_async.resources.person.lookup import lookup
from posthog_env_async.resources.person.source import LookupKey, PersonSource
from posthog_env_async.session import Request, query_text

from .project_scope import ProjectScope, is_text

__all__ = ["Persons"]

U = TypeVar("U", UUID, str)
V = TypeVar("V")

PATH = "persons/"
SCOPE = ("person:read",)
BUDGET = "persons"


@attrs.frozen
class Persons:
    """The persons of a project (docs/server.md, Persons list); needs the scope `person:read`."""

    _project: ProjectScope

    def list(
        self,
        *,
        search: str | None = None,
        email: str | None = None,
        distinct_id: str | None = None,
        properties: Sequence[PropertyFilter] | None = None,
        page_size: PageSize = 1000,
        offset: int = 0,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Person]:
        """List persons, newest first; filters are ANDed.

        `search` finds a part of e-mail, name or id (older servers: e-mail, or a whole distinct id);
        `email` and `distinct_id` match exactly. `page_size` is 1 to 10,000 or `"auto"`; `prefetch`
        pages are read ahead.

        Raises:
            ConfigurationError: for a value that the server would answer with 500 or misread.
        """
        request = self._request(_filters(search, email, distinct_id, properties))
        return self._project.listing(
            request,
            PERSON_ROWS,
            page_size=page_size,
            offset=offset,
            max_items=max_items,
            prefetch=prefetch,
            total="include_total",
        )

    async def get(self, id: int | str | UUID) -> Person:
        """Get one person by number, UUID or the text of either (docs/server.md, Retrieve).

        Raises:
            NotFoundError: when the project has no such person.
            ConfigurationError: for a distinct id; list with `distinct_id=` instead.
        """
        asked = person_id(id)
        request = self._project.request(f"{PATH}{asked}/", scope=SCOPE, budget=BUDGET)

        def decode(body: bytes) -> Person:
            person = PERSON_ROWS.read(body)
            if asked != str(person.id if asked.isdigit() else person.uuid):
                raise ResponseDecodeError("the answer is of another person", retryable=True)
            return person

        return await self._project.session.fetch(request, decode)

    def csv(
        self,
        *,
        search: str | None = None,
        email: str | None = None,
        distinct_id: str | None = None,
        properties: Sequence[PropertyFilter] | None = None,
    ) -> AsyncGenerator[bytes]:
        """Yield the server's CSV of the persons as it comes (docs/server.md, CSV).

        The server does not page it and cuts it in silence at 10,000, 50,000 or 300,000 rows by its
        version; `TruncatedCSVWarning` is given at those counts. Its columns depend on the data, and
        no person gives no bytes. For a whole export use `posthog_env_async.export`.
        """
        filters = _filters(search, email, distinct_id, properties)
        request = self._request({**filters, "format": "csv"}, accept="text/csv")
        return stream_csv(self._project, request)

    async def get_csv(self, id: int | str | UUID) -> bytes:
        """Get the server's CSV of one person, from the servers that have one.

        See docs/server.md, Retrieve.

        Raises:
            EndpointNotAvailableError: when the server answers nothing, as all newer ones do.
        """
        request = self._project.request(
            f"{PATH}{person_id(id)}/",
            params={"format": "csv"},
            accept="text/csv",
            scope=SCOPE,
            budget=BUDGET,
        )
        return await single_csv(self._project, request)

    @overload
    async def get_many(
        self, *, distinct_ids: Iterable[str], warn: bool = ...
    ) -> dict[str, Person]: ...
    @overload
    async def get_many(self, *, uuids: Iterable[U], warn: bool = ...) -> dict[U, Person]: ...
    async def get_many(
        self,
        *,
        distinct_ids: Iterable[str] | None = None,
        uuids: Iterable[Any] | None = None,
        warn: bool = True,
    ) -> dict[Any, Person]:
        """Get the persons that have some distinct ids, or uuids: any number, 200 a request.

        The keys are what was asked; those without a person are absent. Where the server lacks the
        batch each is asked for alone. A look-up shows ten distinct ids of a person at most, and
        gives a `PartialDistinctIdsWarning` when one shows as many, unless told not to `warn`.

        Raises:
            ConfigurationError: unless one of the two is given, and for ids that cannot be.
        """
        name, ids = same_kind(uuids, distinct_ids)
        source = PersonSource(
            self._project, "uuid" if name == "uuids" else "distinct_id", warn=warn
        )
        async with aclosing(lookup(source, [given for _, given in ids])) as found:
            return {asked: person async for asked, person in found if person is not None}

    def lookup(
        self,
        values: Iterable[V] | AsyncIterable[V],
        *,
        by: LookupKey = "distinct_id",
        concurrency: int = 8,
        warn: bool = True,
    ) -> AsyncGenerator[tuple[V, Person | None]]:
        """Look persons up: yield each value with its person, or `None`, in the order of the values.

        Equal values are asked for once, 200 a request and at most `concurrency` requests at a time;
        the last 100,000 results are remembered. By `"email"` one request is needed for each, and
        the newest of the persons that share one is given. `warn` as in `get_many`.

        Raises:
            ConfigurationError: when reached, for a value that no person can have.
        """
        return lookup(PersonSource(self._project, by, concurrency, warn), values)

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
            f"{PATH}deletion_status/",
            params={"status": status, **of_one},
            scope=SCOPE,
            budget=BUDGET,
        )
        return self._project.listing(
            request, DELETION_ROWS, page_size=page_size, offset=0, max_items=max_items, prefetch=0
        )

    async def property_values(
        self, key: str, *, search: str | None = None
    ) -> tuple[PropertyValue, ...]:
        """Return the most frequent values of a property with their counts, as the server has them.

        `search` narrows them to those that contain it. The server may answer from memory for ten
        seconds, and does not say how many more there are.
        """
        return await list_property_values(self._project, key, search)

    def activity(
        self, id: int | str | UUID | None = None, *, max_items: int | None = None
    ) -> AsyncGenerator[ActivityEntry]:
        """Yield what was done to persons, or to one, newest first; needs `activity_log:read`."""
        asked = None if id is None else person_id(id)
        return list_activity(self._project, asked, max_items)

    async def cohorts(self, id: int | str | UUID) -> tuple[Cohort, ...]:
        """Return the cohorts that a person belongs to; needs `cohort:read` too.

        The server goes by the project that the key's owner has open in the UI, not by this one.
        """
        return await list_cohorts_of(self._project, person_id(id))

    async def at(
        self,
        moment: datetime | date | str,
        *,
        distinct_id: str | None = None,
        id: int | str | UUID | None = None,
    ) -> Person:
        """Return a person as it was at a time; `extra` says how the server found out.

        Times without a zone are UTC.

        Raises:
            NotFoundError: when there is no such person.
            ConfigurationError: unless one of `distinct_id` and `id` is given.
        """
        if (distinct_id is None) == (id is None):
            raise ConfigurationError("give either distinct_id=… or id=…")
        ids = (
            {"person_id": person_id(id)}
            if id is not None
            else {"distinct_id": checked_distinct_id(distinct_id)}
        )
        return await person_at(self._project, moment, ids)

    def _request(self, params: dict[str, str], **fields: Any) -> Request:
        return self._project.request(PATH, params=params, scope=SCOPE, budget=BUDGET, **fields)


def _filters(
    search: str | None,
    email: str | None,
    distinct_id: str | None,
    properties: Sequence[PropertyFilter] | None,
) -> dict[str, str]:
    texts = {"search": search, "email": email, "distinct_id": distinct_id}
    for name, text in texts.items():
        if text is not None and not is_text(text):
            raise ConfigurationError(
                f"{name} must be a text that is not empty; leave it out to list all"
            )
    for condition in properties or ():
        if not _is_for_persons(condition):
            raise ConfigurationError(
                "properties must be PropertyFilters of type 'person' or 'cohort'"
            )
    wire = dump([condition.wire() for condition in properties]).decode() if properties else None
    return query_text({**texts, "properties": wire})


def _is_for_persons(condition: object) -> bool:
    return isinstance(condition, PropertyFilter) and not condition.is_for_logs
