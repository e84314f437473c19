"""Persons."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, cast
from uuid import UUID

import attrs

from posthog_env_async.converter import (
    ABSENT,
    UNDECODED,
    LazyObject,
    Raw,
    RowType,
    as_time,
    as_uuid,
    checked_rows,
    dump,
    load,
    record,
    structure,
)
from posthog_env_async.errors import ResponseDecodeError

__all__ = ["PERSON_ROWS", "Person"]

T = TypeVar("T")

UNMODELLED = ("type", "matched_recordings", "value_at_data_point")

_Row = record(
    "_Row",
    __name__,
    [
        ("uuid", str),
        ("id", int | str | None, None),
        ("name", Any, None),
        ("distinct_ids", tuple[str, ...] | None, None),
        ("is_identified", bool | None, None),
        ("created_at", str | None, None),
        ("last_seen_at", str | None, None),
        ("properties", UNDECODED, UNDECODED(b"")),
        ("type", Any, ABSENT),
        # A tuple, since one that is empty costs nothing, and a list gives Python's collector work.
        ("matched_recordings", tuple[Any, ...] | None, ABSENT),
        ("value_at_data_point", Any, ABSENT),
    ],
)


@attrs.define
class _Person:
    """A row with other fields or types than a list has, as far as it is a person at all."""

    uuid: str
    id: int | str | None = None
    name: Any = None
    distinct_ids: tuple[str, ...] = ()
    is_identified: bool | None = None
    created_at: str | None = None
    last_seen_at: str | None = None
    properties: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen(repr=False, eq=False)
class Person:
    """A person of a project (docs/server.md, Persons list and Retrieve).

    `id` is the UUID's text in a list and a whole number from `persons.get`; go by `uuid`. `name` is
    whatever property the project displays, so it may be a number or `None`. UUID, times and
    properties are decoded when first used, and remembered.
    """

    _row: Any

    @cached_property
    def uuid(self) -> UUID:
        """What identifies the person everywhere."""
        return _parsed(as_uuid, self._row.uuid, "a UUID @ $.uuid")

    @property
    def id(self) -> int | str | None:
        """The UUID's text in a list; a whole number from `persons.get`."""
        return cast("int | str | None", self._row.id)

    @property
    def name(self) -> Any:
        """The property that the project displays, mostly a text, but it may be any."""
        return self._row.name

    @property
    def distinct_ids(self) -> tuple[str, ...]:
        """Ids of the person's events; in a list at most 1,000 of them."""
        return self._row.distinct_ids or ()

    @cached_property
    def created_at(self) -> datetime | None:
        """When the person was first seen."""
        text = self._row.created_at
        return None if text is None else _parsed(as_time, text, "a time @ $.created_at")

    @cached_property
    def last_seen_at(self) -> datetime | None:
        """When the person was last seen, to the hour or so; only newer servers say."""
        text = self._row.last_seen_at
        return None if text is None else _parsed(as_time, text, "a time @ $.last_seen_at")

    @property
    def is_identified(self) -> bool | None:
        """Whether the person was identified; only a list says."""
        return cast("bool | None", self._row.is_identified)

    @property
    def properties(self) -> Mapping[str, Any]:
        """The person's properties, any JSON; empty when the server sends `null`.

        A read-only mapping that decodes one key alone, or all at the second; `dict(…)` is plain.
        """
        found = self._row.properties
        if type(found) is bytes:
            found = self._row.properties = LazyObject(found)
        return cast("LazyObject", found)

    @cached_property
    def extra(self) -> Mapping[str, Any]:
        """Fields of the row that this class does not name."""
        if isinstance(self._row, _Person):
            return self._row.extra
        said = {name: getattr(self._row, name) for name in UNMODELLED}
        if said["matched_recordings"] not in (None, ABSENT):
            said["matched_recordings"] = list(said["matched_recordings"])
        return {name: value for name, value in said.items() if value is not ABSENT}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Person):
            return NotImplemented
        return self._said == other._said and self.properties == other.properties

    @property
    def _said(self) -> tuple[Any, ...]:
        row = self._row
        plain = (row.uuid, row.id, row.name, self.distinct_ids, row.is_identified)
        return (*plain, row.created_at, row.last_seen_at, self.extra)

    def __hash__(self) -> int:
        return hash(self._row.uuid)

    def __repr__(self) -> str:
        return f"Person(uuid={self._row.uuid!r})"


def _parsed(kind: Callable[[str], T], text: str, expected: str) -> T:
    try:
        return kind(text)
    except ValueError:
        wrong = f"the answer does not fit Person: expected {expected}"
    raise ResponseDecodeError(wrong)


def _odd_row(text: Raw) -> Any:
    row: Any = structure(_Person, load(text))
    row.properties = dump(row.properties)
    return row


PERSON_ROWS: RowType[Person] = checked_rows(_Row, Person, load=_odd_row, undecoded="properties")
"""How the rows of the persons list, or a retrieved person, become `Person`s."""
