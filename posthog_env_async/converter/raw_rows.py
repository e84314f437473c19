"""Rows that no model is made of: as the server's bytes, or as plain dicts."""

import json
from typing import Any

import attrs
import msgspec

from .json_codec import UNREADABLE, Raw, as_mapping, load, load_slowly
from .page_decoder import LoadedPage, RowType, envelope, loaded
from .uuid_scan import keys_at_head

__all__ = ["BYTES_ROWS", "DICT_ROWS", "LINE_ROWS"]


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


def _quick_bytes(body: bytes) -> LoadedPage | None:
    try:
        found = envelope(body)
        rows = list(map(bytes, found.results))
        keys = keys_at_head(rows) or _decoded_keys(body, rows)
    except UNREADABLE:
        return None
    return loaded(body, found, rows, keys)


def _decoded_keys(body: bytes, rows: list[bytes]) -> list[str]:
    return [_name(*pair) for pair in zip(_identities(body).results, rows, strict=True)]


def _bytes_key(row: bytes) -> str:
    return _name(_identity_of(row), row)


BYTES_ROWS: RowType[bytes] = RowType(bytes, _bytes_key, _bytes_stamp, _quick_bytes)
"""Rows as the server sent them."""


def _line(row: Raw) -> bytes:
    return bytes(row).replace(b"\n", b" ").replace(b"\r", b" ")


def _quick_lines(body: bytes) -> LoadedPage | None:
    page = _quick_bytes(body)
    if page is None or not (b"\n" in body or b"\r" in body):
        return page
    return attrs.evolve(page, rows=list(map(_line, page.rows)))


LINE_ROWS: RowType[bytes] = RowType(_line, _bytes_key, _bytes_stamp, _quick_lines)
"""Rows as the server sent them, each in one line.

Only a line break inside a row, which JSON allows between its tokens, becomes a space.
"""


def _dict_key(row: Any) -> str:
    found = as_mapping(row)
    name = found.get("id") if found.get("uuid") is None else found["uuid"]
    return json.dumps(row, sort_keys=True) if name is None else str(name)


def _dict_stamp(row: Any) -> str | None:
    stamp = as_mapping(row).get("created_at")
    return stamp if isinstance(stamp, str) else None


DICT_ROWS: RowType[Any] = RowType(load, _dict_key, _dict_stamp)
"""Rows as plain decoded JSON."""
