"""Persons: list, get, and the server's CSV."""

import warnings
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.converter import dump
from posthog_env_async.errors import (
    APIConnectionError,
    ConfigurationError,
    EndpointNotAvailableError,
    ResponseDecodeError,
    TruncatedCSVWarning,
)
from posthog_env_async.models import PERSON_ROWS, Person, PropertyFilter
from posthog_env_async.pagination import Listing, PageSize
from posthog_env_async.session import Request, query_text

from .project_scope import ProjectScope, is_text

__all__ = ["Persons"]

PATH = "persons/"
SCOPE = ("person:read",)
BUDGET = "persons"
CUT = "the CSV is cut: it does not end with the end of a line"
CSV_CUTS = (10_000, 50_000, 300_000)


@attrs.frozen
class Persons:
    """The persons of a project (docs/server.md, Persons list); needs the scope `person:read`."""

    _place: ProjectScope

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
        call = self._call(_filters(search, email, distinct_id, properties))
        return self._place.listing(
            call,
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
        asked = _person_id(id)
        call = self._place.call(f"{PATH}{asked}/", scope=SCOPE, budget=BUDGET)

        def decode(body: bytes) -> Person:
            person = PERSON_ROWS.read(body)
            if asked not in {str(person.id), str(person.uuid)}:
                raise ResponseDecodeError("the answer is of another person", retryable=True)
            return person

        return await self._place.session.fetch(call, decode)

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
        return self._pieces(self._call({**filters, "format": "csv"}, accept="text/csv"))

    async def _pieces(self, call: Request) -> AsyncGenerator[bytes]:
        counter = _CSVRows()
        async with aclosing(self._place.session.stream(call)) as pieces:
            async for piece in pieces:
                counter.feed(piece)
                yield piece
        if not counter.is_whole:
            raise APIConnectionError(CUT, method=call.method)
        if counter.rows in CSV_CUTS:
            warnings.warn(
                f"the CSV has {counter.rows} rows, where servers cut it: rows are probably missing;"
                " use persons.list() or posthog_env_async.export",
                TruncatedCSVWarning,
                stacklevel=2,
            )

    async def get_csv(self, id: int | str | UUID) -> bytes:
        """Get the server's CSV of one person, from the servers that have one.

        See docs/server.md, Retrieve.

        Raises:
            EndpointNotAvailableError: when the server answers nothing, as all newer ones do.
        """
        call = self._place.call(
            f"{PATH}{_person_id(id)}/",
            params={"format": "csv"},
            accept="text/csv",
            scope=SCOPE,
            budget=BUDGET,
        )
        body = await self._place.session.fetch(call, _whole_csv)
        if not body:
            raise EndpointNotAvailableError(
                "this server has no CSV of a single person; use persons.get(id)",
                status=200,
                detail="empty CSV",
                method=call.method,
                url=str(self._place.session.url(call).with_query(None)),
            )
        return body

    def _call(self, params: dict[str, str], **fields: Any) -> Request:
        return self._place.call(PATH, params=params, scope=SCOPE, budget=BUDGET, **fields)


def _whole_csv(body: bytes) -> bytes:
    if body and not body.endswith(b"\n"):
        raise ResponseDecodeError(CUT, retryable=True)
    return body


@attrs.define
class _CSVRows:
    """Counts the rows of a CSV that comes in pieces; a quoted cell may hold line ends."""

    quoted: bool = False
    lines: int = 0
    is_whole: bool = True

    def feed(self, piece: bytes) -> None:
        self.is_whole = piece.endswith(b"\n") if piece else self.is_whole
        for number, part in enumerate(piece.split(b'"')):
            if number:
                self.quoted = not self.quoted
            if not self.quoted:
                self.lines += part.count(b"\n")

    @property
    def rows(self) -> int:
        return max(0, self.lines - 1)


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


def _person_id(id: int | str | UUID) -> str:
    text = str(id)
    if not isinstance(id, bool) and text.isascii() and text.isdigit():
        return str(int(text))
    try:
        return str(UUID(text))
    except ValueError:
        wrong = (
            "a person's id is a whole number or a UUID; for a distinct id use list(distinct_id=…)"
        )
    raise ConfigurationError(wrong)
