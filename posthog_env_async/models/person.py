"""Persons."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self, TypeVar, cast
from uuid import UUID

import attrs

from posthog_env_async.converter import (
    ABSENT,
    UNREAD,
    UNREADABLE,
    Raw,
    RawField,
    RowType,
    as_time,
    as_uuid,
    dump,
    lazy_fields,
    lazy_rows,
    load,
    read_property,
    record_decoder,
    structure,
    uuid_at_head,
)
from posthog_env_async.errors import ResponseDecodeError

from .model import Model, to_mapping, to_texts, to_time, to_uuid

__all__ = ["MOST_DISTINCT_IDS", "PERSON_ROWS", "Person"]

T = TypeVar("T")

MOST_DISTINCT_IDS = 1_000
"""How many distinct ids a row of a list has at most (docs/server.md, Persons list)."""

_FIELDS: list[tuple[str, Any] | tuple[str, Any, Any]] = [
    ("uuid", str),
    ("id", int | str | None, None),
    ("name", Any, None),
    ("distinct_ids", tuple[str, ...] | None, None),
    ("is_identified", bool | None, None),
    ("created_at", str | None, None),
    ("last_seen_at", str | None, None),
]
_decode_fields = record_decoder("_Fields", [*_FIELDS, ("properties", RawField, None)])
_decode_properties = record_decoder("_Whole", [("properties", dict[str, Any] | None, None)])


_KNOWN = frozenset(name for name, *_ in _FIELDS) | {"properties"}


@attrs.frozen
class _Person:
    """A row that the quick decoder refuses: read by the standard library and checked by cattrs."""

    uuid: str
    id: int | str | None = None
    name: Any = None
    distinct_ids: tuple[str, ...] = ()
    is_identified: bool | None = None
    created_at: str | None = None
    last_seen_at: str | None = None
    properties: Any = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


class _Row(Model):
    """A slot for what was decoded of the row's text.

    The text itself is in a tuple from when the properties are decoded.
    """

    __slots__ = ("_record",)

    _record: Any


@lazy_fields
@attrs.frozen(repr=False)
class Person(_Row):
    """A person of a project (docs/server.md, Persons list and Retrieve).

    Built by keyword, `Person(uuid="…", properties={…})`, or read from the server: then a field is
    decoded and checked when it is first used, and remembered. Go by `uuid`.

    Attributes:
        uuid: what identifies the person everywhere.
        id: the UUID's text in a list; a whole number from `persons.get`.
        name: the property that the project displays, mostly a text, but it may be any JSON.
        distinct_ids: ids of the person's events; in a list at most 1,000 of them.
        is_identified: whether the person was identified; only a list says.
        created_at: when the person was first seen.
        last_seen_at: when the person was last seen, to the hour or so; only newer servers say.
        properties: any JSON, as a plain dict; empty when the server sends `null`.
        extra: fields of the row that this class does not name.
    """

    uuid: UUID = attrs.field(converter=to_uuid)
    id: int | str | None = attrs.field(default=None, repr=False, hash=False)
    name: Any = attrs.field(default=None, repr=False, hash=False)
    distinct_ids: tuple[str, ...] = attrs.field(
        default=(), converter=to_texts, repr=False, hash=False
    )
    is_identified: bool | None = attrs.field(default=None, repr=False, hash=False)
    created_at: datetime | None = attrs.field(
        default=None, converter=to_time, repr=False, hash=False
    )
    last_seen_at: datetime | None = attrs.field(
        default=None, converter=to_time, repr=False, hash=False
    )
    properties: dict[str, Any] = attrs.field(
        default=None, converter=to_mapping, repr=False, hash=False
    )
    extra: dict[str, Any] = attrs.field(default=None, converter=to_mapping, repr=False, hash=False)

    def get_property(self, key: str, default: Any = None) -> Any:
        """Return one property, or `default`; the others are not decoded for it."""
        text = self._text
        value = read_property(text, key) if type(text) is bytes else UNREAD
        if value is UNREAD:
            return self.properties.get(key, default)
        return default if value is ABSENT else value

    @property
    def may_lack_distinct_ids(self) -> bool:
        """Whether a list may have left ids out: it gives 1,000 of a person at most."""
        return len(self.distinct_ids) == MOST_DISTINCT_IDS and not isinstance(self.id, int)

    def __repr__(self) -> str:
        try:
            return f"Person(uuid={str(self.uuid)!r})"
        except ResponseDecodeError:
            return "Person(uuid=<not a UUID>)"

    def _sent(self) -> bytes | None:
        if not isinstance(self._text, tuple):
            return cast("bytes | None", self._text)
        # The caller has the dict of properties, and may have changed it.
        text: bytes = self._source
        sent = _object(cast("dict[str, Any]", load(text)).get("properties"))
        is_same = sent == self.properties or dump(sent) == dump(self.properties)
        return text if is_same else None

    @property
    def _source(self) -> bytes:
        text: Any = self._text
        return cast("bytes", text[0] if isinstance(text, tuple) else text)

    @classmethod
    def _from_json(cls, text: bytes) -> Self:
        return cast("Self", PERSON_ROWS.item(text))

    def _read_text(self) -> None:
        """Give `None` for the text of a person that does not come from the server."""

    def _read_record(self) -> Any:
        return _read_fields(self._source)

    def _read_uuid(self) -> UUID:
        text = uuid_at_head(self._source) or self._record.uuid
        return _parsed(as_uuid, text, "a UUID @ $.uuid")

    def _read_id(self) -> int | str | None:
        return cast("int | str | None", self._record.id)

    def _read_name(self) -> Any:
        return self._record.name

    def _read_distinct_ids(self) -> tuple[str, ...]:
        return self._record.distinct_ids or ()

    def _read_is_identified(self) -> bool | None:
        return cast("bool | None", self._record.is_identified)

    def _read_created_at(self) -> datetime | None:
        return _time(self._record.created_at, "created_at")

    def _read_last_seen_at(self) -> datetime | None:
        return _time(self._record.last_seen_at, "last_seen_at")

    def _get_properties(self) -> dict[str, Any]:
        text = self._text
        if type(text) is not bytes:
            return cast("dict[str, Any]", _held_properties(self))
        properties = _read_properties(text)
        _hold_properties(self, properties)
        # The caller has the dict, and may change it.
        _hold_text(self, (text,))
        return properties

    def _read_extra(self) -> dict[str, Any]:
        fields = cast("dict[str, Any]", load(self._source))
        return {name: value for name, value in fields.items() if name not in _KNOWN}


def _read_fields(text: bytes) -> Any:
    try:
        return _decode_fields(text)
    except UNREADABLE:
        slowly = load
    return structure(_Person, slowly(text))


def _read_properties(text: bytes) -> dict[str, Any]:
    try:
        return _decode_properties(text).properties or {}
    except UNREADABLE:
        slowly = _read_fields
    found = slowly(text).properties
    return _object(load(found) if isinstance(found, Raw) else found)


def _object(found: object) -> dict[str, Any]:
    if found is not None and not isinstance(found, dict):
        raise ResponseDecodeError("the answer does not fit Person: expected dict @ $.properties")
    return cast("dict[str, Any]", found or {})


def _parsed(kind: Callable[[str], T], text: str, expected: str) -> T:
    try:
        return kind(text)
    except ValueError:
        wrong = f"the answer does not fit Person: expected {expected}"
    raise ResponseDecodeError(wrong)


def _time(text: str | None, name: str) -> datetime | None:
    return None if text is None else _parsed(as_time, text, f"a time @ $.{name}")


_slots: Any = Person.__mro__[1]
_held_properties, _hold_properties = _slots.properties.__get__, _slots.properties.__set__
_hold_text = vars(Model)["_text"].__set__

PERSON_ROWS: RowType[Person] = lazy_rows(Person, _read_fields)
"""How the rows of the persons list, or a retrieved person, become `Person`s."""
