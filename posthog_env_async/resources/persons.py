"""Persons: list, look up, and what is known of one."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing
from datetime import date, datetime
from typing import Any, TypeVar, cast, overload
from uuid import UUID

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError, ResponseDecodeError
from posthog_env_async.models import (
    PERSON_ROWS,
    ActivityEntry,
    Cohort,
    Person,
    PropertyFilter,
    PropertyValue,
)
from posthog_env_async.pagination import Listing, PageSize
from posthog_env_async.resources.person.actions import PersonActions
from posthog_env_async.resources.person.csv import single_csv, stream_csv
from posthog_env_async.resources.person.facts import (
    list_activity,
    list_cohorts_of,
    list_property_values,
    person_at,
)
from posthog_env_async.resources.person.ids import checked_distinct_id, person_id, same_kind
from posthog_env_async.resources.person.lookup import lookup
from posthog_env_async.resources.person.source import LookupKey, PersonSource
from posthog_env_async.session import Request

from .project_scope import is_text, query_text

__all__ = ["Persons"]

U = TypeVar("U", UUID, str)
V = TypeVar("V")

PATH = "persons/"
SCOPE = ("person:read",)
BUDGET = "persons"


@attrs.frozen
class Persons(PersonActions):
    """The persons of a project (docs/server.md, Persons list); needs the scope `person:read`."""

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
        params = _filters(search, email, distinct_id, properties)
        return self._project.listing(
            self._project.request(PATH, params=params, scope=SCOPE, budget=BUDGET),
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
        wanted = person_id(id)
        request = self._project.request(f"{PATH}{wanted}/", scope=SCOPE, budget=BUDGET)

        def decode(body: bytes) -> Person:
            person = PERSON_ROWS.read(body)
            shown = str(person.id) if wanted.isdigit() else PERSON_ROWS.key(body)
            if wanted != shown and wanted != str(person.uuid):
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
        params = {**_filters(search, email, distinct_id, properties), "format": "csv"}
        return stream_csv(self._project, self._request(params, accept="text/csv"))

    async def get_csv(self, id: int | str | UUID) -> bytes:
        """Get the server's CSV of one person, from the servers that have one.

        See docs/server.md, Retrieve.

        Raises:
            EndpointNotAvailableError: when the server answers nothing, as all newer ones do.
        """
        request = self._request({"format": "csv"}, f"{person_id(id)}/", accept="text/csv")
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
        async with aclosing(lookup(source, [given for _, given in ids])) as results:
            return {value: person async for value, person in results if person is not None}

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
        value = None if id is None else person_id(id)
        return list_activity(self._project, value, max_items)

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
        ids = {"person_id": person_id(id)} if id is not None else {}
        if distinct_id is not None:
            ids["distinct_id"] = checked_distinct_id(distinct_id)
        return await person_at(self._project, moment, ids)

    def _request(self, params: dict[str, str], path: str = "", **fields: Any) -> Request:
        fields = {"params": params, "scope": SCOPE, "budget": BUDGET, **fields}
        return self._project.request(f"{PATH}{path}", **fields)


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
    for condition in cast("Sequence[object]", properties or ()):
        if not isinstance(condition, PropertyFilter) or condition.is_for_logs:
            raise ConfigurationError(
                "properties must be PropertyFilters of type 'person' or 'cohort'"
            )
    wire = dump([condition.wire() for condition in properties]).decode() if properties else None
    return query_text({**texts, "properties": wire})
