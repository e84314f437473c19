"""Pages to rows: found by msgspec, each read the quickest way that is right for it."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from posthog_env_async.errors import ResponseDecodeError

from .spans import row_texts
from .strict import structure
from .text import UNREADABLE, Raw, as_mapping, load, load_slowly

__all__ = [
    "ABSENT",
    "BYTES_ROWS",
    "DICT_ROWS",
    "UNDECODED",
    "LoadedPage",
    "RowType",
    "checked_rows",
    "load_page",
    "structured_rows",
]

T = TypeVar("T")

UNDECODED = msgspec.Raw
"""The type of a field that is left as JSON; a view of its page, so copy what is kept."""

ABSENT = msgspec.UNSET
"""What stands for a field that a row lacks, where that is not the same as `null`."""


@attrs.frozen
class LoadedPage(Generic[T]):
    """A page with its rows read and what leads on: `next` (SERVER.md 1.1) or a cursor (3.2).

    `keys` tell the rows apart; `failure` is the error of the row that follows the last one read.
    """

    items: list[T] = attrs.field(repr=False)
    keys: list[str] = attrs.field(repr=False)
    rows: int
    next: str | None = attrs.field(default=None, repr=False)
    count: int | None = None
    cursor: str | None = attrs.field(default=None, repr=False)
    has_more: bool | None = None
    failure: ResponseDecodeError | None = None


@attrs.frozen
class RowType(Generic[T]):
    """How rows are read, and what tells one from all others.

    `key` names a row for as long as it exists; rows with the same `stamp` may change places.
    `quick` reads a whole page at once, or `None` when some row of it is odd.
    """

    read: Callable[[Raw], T]
    key: Callable[[T], str]
    stamp: Callable[[T], str | None]
    quick: Callable[[bytes], LoadedPage[T] | None] = lambda _: None


class _Links(msgspec.Struct, kw_only=True):
    next: str | None = None
    count: int | None = None
    cursor: str | None = msgspec.field(name="nextCursor", default=None)
    has_more: bool | None = msgspec.field(name="hasMore", default=None)


class _Envelope(_Links, kw_only=True):
    results: list[msgspec.Raw]


_envelope = msgspec.json.Decoder(_Envelope).decode


def load_page(body: bytes, kind: RowType[T]) -> LoadedPage[T]:
    """Read a page; one odd row costs only itself a slower way.

    Raises:
        ResponseDecodeError: when it is no JSON, or no page.
    """
    page = kind.quick(body)
    if page is not None:
        return page
    found = _found_rows(body)
    items, failure = list[T](), None
    for row in found.results:
        try:
            items.append(kind.read(row))
        except ResponseDecodeError as error:
            failure = error
            break
    return _loaded(found, items, [kind.key(item) for item in items], failure)


def _loaded(
    found: Any, items: list[T], keys: list[str], failure: ResponseDecodeError | None = None
) -> LoadedPage[T]:
    return LoadedPage(
        items,
        keys,
        len(found.results),
        found.next,
        found.count,
        found.cursor,
        found.has_more,
        failure,
    )


def _found_rows(body: bytes) -> _Envelope:
    try:
        return _envelope(body)
    except UNREADABLE:
        slowly = _found_rows_slowly
    return slowly(body)


def _found_rows_slowly(body: bytes) -> _Envelope:
    page = as_mapping(load_slowly(body))
    if not isinstance(page.get("results"), list):
        raise ResponseDecodeError("the answer is no page: expected a list @ $.results")
    wanted = {"next": str, "count": int, "nextCursor": str, "hasMore": bool}
    for name, kind in wanted.items():
        if page.get(name) is not None and type(page[name]) is not kind:
            raise ResponseDecodeError(f"the answer is no page: expected {kind.__name__} @ $.{name}")
    return _Envelope(
        results=list(map(msgspec.Raw, row_texts(body))),
        next=page.get("next"),
        count=page.get("count"),
        cursor=page.get("nextCursor"),
        has_more=page.get("hasMore"),
    )


def _model_key(item: Any) -> str:
    name = getattr(item, "uuid", None) or getattr(item, "id", None)
    return str(attrs.asdict(item)) if name is None else str(name)


def structured_rows(kind: type[T], key: Callable[[T], str] = _model_key) -> RowType[T]:
    """Return how rows of a model are read whole; told apart by `uuid` or `id` unless said."""
    return RowType(lambda row: structure(kind, load(row)), key, lambda _: None)


def checked_rows(
    fields: Sequence[tuple[str, Any] | tuple[str, Any, Any]],
    build: Callable[[Any], T],
    *,
    read: Callable[[Raw], T],
    key: Callable[[T], str],
    stamp: Callable[[T], str | None],
) -> RowType[T]:
    """Return how rows are read whose every field has a known name and type.

    msgspec checks a page in one pass and `build` takes each row as it comes out; `fields` are
    names, types and, where a row may lack it, what stands for the field then. A page that has any
    other row is left to `read`, row by row.
    """
    row: Any = msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
    page = msgspec.defstruct("Page", [("results", list[row])], bases=(_Links,), kw_only=True)
    decode = msgspec.json.Decoder(page).decode

    def quick(body: bytes) -> LoadedPage[T] | None:
        try:
            found: Any = decode(body)
        except UNREADABLE:
            return None
        items = [build(row) for row in found.results]
        return _loaded(found, items, list(map(key, items)))

    return RowType(read, key, stamp, quick)


class _Identity(msgspec.Struct, gc=False):
    uuid: Any = None
    id: Any = None
    created_at: Any = None


class _Identities(msgspec.Struct):
    results: list[_Identity]


_identity = msgspec.json.Decoder(_Identity).decode
_identities = msgspec.json.Decoder(_Identities).decode


def _name(found: Any, whole: bytes) -> str:
    name = found.id if found.uuid is None else found.uuid
    return whole.decode("utf-8", "replace") if name is None else str(name)


def _identity_of(row: bytes) -> Any:
    try:
        return _identity(row)
    except UNREADABLE:
        slowly = load_slowly
    found = as_mapping(slowly(row))
    return _Identity(found.get("uuid"), found.get("id"), found.get("created_at"))


def _bytes_stamp(row: bytes) -> str | None:
    stamp = _identity_of(row).created_at
    return stamp if isinstance(stamp, str) else None


def _quick_bytes(body: bytes) -> LoadedPage[bytes] | None:
    try:
        found, named = _envelope(body), _identities(body).results
    except UNREADABLE:
        return None
    items: list[bytes] = list(map(bytes, found.results))
    keys: list[Any] = [identity.uuid for identity in named]
    if not all(type(key) is str for key in keys):
        keys = [_name(*pair) for pair in zip(named, items, strict=True)]
    return _loaded(found, items, keys)


BYTES_ROWS: RowType[bytes] = RowType(
    bytes, lambda row: _name(_identity_of(row), row), _bytes_stamp, _quick_bytes
)
"""Rows as the server sent them."""


def _dict_key(row: Any) -> str:
    found = as_mapping(row)
    name = found.get("id") if found.get("uuid") is None else found["uuid"]
    return json.dumps(row, sort_keys=True) if name is None else str(name)


def _dict_stamp(row: Any) -> str | None:
    stamp = as_mapping(row).get("created_at")
    return stamp if isinstance(stamp, str) else None


DICT_ROWS: RowType[Any] = RowType(load, _dict_key, _dict_stamp)
"""Rows as plain decoded JSON."""
