"""Persons."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar, cast
from uuid import UUID

import attrs

from posthog_env_async.converter import (
    ABSENT,
    UNDECODED,
    LazyObject,
    Raw,
    RowType,
    as_mapping,
    as_time,
    as_uuid,
    checked_rows,
    dump,
    load,
    structure,
)
from posthog_env_async.errors import ResponseDecodeError

__all__ = ["PERSON_ROWS", "Person"]

T = TypeVar("T")

UNMODELLED = ("type", "matched_recordings", "value_at_data_point")


@attrs.frozen(repr=False, eq=False)
class Person:
    """A person of a project (SERVER.md 1.1, 1.3).

    `id` is the UUID's text in a list and a whole number from `persons.get`; go by `uuid`. `name` is
    whatever property the project displays, so it may be a number or `None`. UUID, times and
    properties are decoded when first used, and remembered.
    """

    _uuid: str
    id: int | str | None
    name: Any
    _distinct_ids: tuple[str, ...] | None
    _created_at: str | None
    _properties: bytes
    _rest: tuple[Any, ...]
    _looked_at: Mapping[str, Any] | None = attrs.field(default=None, init=False)

    @cached_property
    def uuid(self) -> UUID:
        """What identifies the person everywhere."""
        return _parsed(as_uuid, self._uuid, "a UUID @ $.uuid")

    @property
    def distinct_ids(self) -> tuple[str, ...]:
        """Ids of the person's events; in a list at most 1,000 of them."""
        return self._distinct_ids or ()

    @cached_property
    def created_at(self) -> datetime | None:
        """When the person was first seen."""
        text = self._created_at
        return None if text is None else _parsed(as_time, text, "a time @ $.created_at")

    @cached_property
    def last_seen_at(self) -> datetime | None:
        """When the person was last seen, to the hour or so; only newer servers say."""
        text = self._rest[1]
        return None if text is None else _parsed(as_time, text, "a time @ $.last_seen_at")

    @property
    def is_identified(self) -> bool | None:
        """Whether the person was identified; only a list says."""
        return cast("bool | None", self._rest[0])

    @property
    def properties(self) -> Mapping[str, Any]:
        """The person's properties, any JSON; empty when the server sends `null`.

        A read-only mapping that decodes one key alone, or all at the second; `dict(…)` is plain.
        """
        # Remembered by hand: what attrs makes of cached_property costs as much as a key.
        seen: Mapping[str, Any] | None = self._looked_at
        if seen is None:
            seen = LazyObject(self._properties)
            object.__setattr__(self, "_looked_at", seen)
        return seen

    @cached_property
    def extra(self) -> Mapping[str, Any]:
        """Fields of the row that this class does not name."""
        extra = self._rest[2:]
        if len(extra) == 1:
            return cast("Mapping[str, Any]", extra[0])
        pairs = zip(UNMODELLED, extra, strict=True)
        return {name: value for name, value in pairs if value is not ABSENT}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Person):
            return NotImplemented
        return self._said == other._said and (
            self._properties == other._properties or self.properties == other.properties
        )

    @property
    def _said(self) -> tuple[Any, ...]:
        plain = (self._uuid, self.id, self.name, self.distinct_ids, self.is_identified)
        return (*plain, self._created_at, self._rest[1], self.extra)

    def __hash__(self) -> int:
        return hash(self._uuid)

    def __repr__(self) -> str:
        return f"Person(uuid={self._uuid!r})"


@attrs.frozen
class _Person:
    """What an odd row is checked against."""

    uuid: str
    id: int | str | None = None
    name: Any = None
    distinct_ids: tuple[str, ...] = ()
    is_identified: bool | None = None
    created_at: str | None = None
    last_seen_at: str | None = None
    properties: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


def _parsed(kind: Callable[[str], T], text: str, expected: str) -> T:
    try:
        return kind(text)
    except ValueError:
        wrong = f"the answer does not fit Person: expected {expected}"
    raise ResponseDecodeError(wrong)


def _read(row: Raw) -> Person:
    fields = load(row)
    checked = structure(_Person, fields)
    return Person(
        checked.uuid,
        checked.id,
        checked.name,
        checked.distinct_ids,
        checked.created_at,
        dump(as_mapping(fields).get("properties")),
        (checked.is_identified, checked.last_seen_at, checked.extra),
    )


def _build(row: Any) -> Person:
    return Person(
        row.uuid,
        row.id,
        row.name,
        row.distinct_ids,
        row.created_at,
        bytes(row.properties),
        (
            row.is_identified,
            row.last_seen_at,
            row.type,
            row.matched_recordings,
            row.value_at_data_point,
        ),
    )


def _stamp(person: Person) -> str | None:
    return person._created_at or ""  # noqa: SLF001 - this module's own  # pyright: ignore[reportPrivateUsage]


PERSON_ROWS: RowType[Person] = checked_rows(
    [
        ("uuid", str),
        ("id", int | str | None, None),
        ("name", Any, None),
        ("distinct_ids", tuple[str, ...] | None, None),
        ("is_identified", bool | None, None),
        ("created_at", str | None, None),
        ("last_seen_at", str | None, None),
        ("properties", UNDECODED, UNDECODED(b"")),
        *((name, Any, ABSENT) for name in UNMODELLED),
    ],
    _build,
    read=_read,
    key=attrgetter("_uuid"),
    stamp=_stamp,
)
"""How the rows of the persons list, or a retrieved person, become `Person`s."""
