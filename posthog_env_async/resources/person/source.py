"""Persons asked for by id or e-mail, as many at once as the server takes."""

import asyncio
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs

from posthog_env_async.converter import keyed_rows
from posthog_env_async.errors import (
    APIStatusError,
    ConfigurationError,
    EndpointNotAvailableError,
    NotFoundError,
    PartialDistinctIdsWarning,
    ResponseDecodeError,
)
from posthog_env_async.models import PERSON_ROWS, Person
from posthog_env_async.resources.project_scope import ProjectScope
from posthog_env_async.session import RetrySafety

from .ids import checked_distinct_id, checked_uuid

__all__ = ["LookupKey", "PersonSource", "ended"]

LookupKey = Literal["distinct_id", "uuid", "email"]

BATCH = 200
SHOWN_IDS = 10
LISTED_IDS = 1000
LACKING = (404, 405)
NO_PROJECT = "Project not found."


@attrs.define
class PersonSource:
    """Ask the server for persons, as many at once as it can; remembers where it has no batch."""

    project: ProjectScope
    by: LookupKey
    concurrency: int = 8
    warn: bool = True
    _lacks_batch: bool = attrs.field(default=False, init=False)
    _permits: asyncio.Semaphore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.by not in ("distinct_id", "uuid", "email"):
            raise ConfigurationError("by must be 'distinct_id', 'uuid' or 'email'")
        if type(self.concurrency) is not int or self.concurrency < 1:
            raise ConfigurationError("concurrency must be a whole number, 1 or more")
        self._permits = asyncio.Semaphore(self.concurrency)

    @property
    def size(self) -> int:
        """How many values one request takes."""
        return 1 if self.by == "email" else BATCH

    def key(self, value: object) -> str:
        """Return a value as it is sent.

        Raises:
            ConfigurationError: when no person can have it.
        """
        return checked_uuid(value) if self.by == "uuid" else checked_distinct_id(value)

    async def find(self, keys: list[str]) -> Mapping[str, Person]:
        """Return the persons that exist, by the key that was asked for."""
        if self.by != "email" and not self._lacks_batch:
            batch = await self._batch(keys)
            if batch is not None:
                return batch
            self._lacks_batch = True
        tasks = [asyncio.ensure_future(self._single(key)) for key in keys]
        try:
            persons = [await task for task in tasks]
        finally:
            await ended(tasks)
        pairs = zip(keys, persons, strict=True)
        return {key: person for key, person in pairs if person is not None}

    async def _batch(self, keys: list[str]) -> Mapping[str, Person] | None:
        """Ask for all of them at once; `None` where the server has no such endpoint."""
        name = "uuids" if self.by == "uuid" else "distinct_ids"
        request = self.project.request(
            f"persons/batch_by_{name}/",
            method="POST",
            json={name: keys},
            scope=("person:read",),
            budget="persons",
            retry=RetrySafety.SAFE,
        )
        try:
            async with self._permits:
                return await self.project.session.fetch(request, self._decoder(keys))
        except APIStatusError as error:
            if error.status not in LACKING or error.detail == NO_PROJECT:
                raise
            return None

    def _decoder(self, keys: list[str]) -> Callable[[bytes], Mapping[str, Person]]:
        def decode(body: bytes) -> Mapping[str, Person]:
            persons = {key: PERSON_ROWS.read(row) for key, row in keyed_rows(body).items()}
            if not persons.keys() <= set(keys):
                raise ResponseDecodeError("the answer is of other persons", retryable=True)
            for key, person in persons.items():
                self._check(key, person, SHOWN_IDS)
            return persons

        return decode

    def _check(self, key: str, person: Person, shown: int) -> None:
        """Check that a person is the one that was asked for, as far as the answer shows."""
        if len(person.distinct_ids) == shown == SHOWN_IDS and self.warn:
            self.warn = False
            warnings.warn(
                "a look-up shows at most 10 distinct ids of a person, and some have as many:"
                " persons.get(person.uuid) has all of them",
                PartialDistinctIdsWarning,
                stacklevel=2,
            )
        if not _is_it(person, self.by, key, shown):
            raise ResponseDecodeError("the answer is of another person", retryable=True)

    async def _single(self, key: str) -> Person | None:
        async with self._permits:
            return await (self._get(key) if self.by == "uuid" else self._first(key))

    async def _get(self, uuid: str) -> Person | None:
        request = self.project.request(f"persons/{uuid}/", scope=("person:read",), budget="persons")

        def decode(body: bytes) -> Person:
            person = PERSON_ROWS.read(body)
            self._check(uuid, person, LISTED_IDS)
            return person

        try:
            return await self.project.session.fetch(request, decode)
        except NotFoundError as error:
            if isinstance(error, EndpointNotAvailableError) or error.detail == NO_PROJECT:
                raise
            return None

    async def _first(self, key: str) -> Person | None:
        request = self.project.request(
            "persons/", params={self.by: key}, scope=("person:read",), budget="persons"
        )
        person = await self.project.listing(request, PERSON_ROWS).first()
        if person is not None:
            self._check(key, person, LISTED_IDS)
        return person


def _is_it(person: Person, by: LookupKey, key: str, shown: int) -> bool:
    if by == "uuid":
        return str(person.uuid) == key
    if by == "email":
        return person.properties.get("email") == key
    return key in person.distinct_ids or len(person.distinct_ids) >= shown


async def ended(tasks: "list[asyncio.Task[Any]]") -> None:
    """Cancel tasks and wait until they are gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
