"""Rows that no model is made of: as the server's bytes, or as plain dicts."""

import json
from typing import Any

import attrs
import msgspec

from .json_codec import UNREADABLE, as_mapping, load, load_slowly
from .page_decoder import NAMELESS, RowType
from .uuid_scan import keys_at_head, stamp_at_head, stamps_at_head, uuid_at_head

__all__ = ["BYTES_ROWS", "DICT_ROWS", "LINE_ROWS", "text_key", "text_stamp"]


class _Identity(msgspec.Struct, gc=False):
    uuid: Any = None
    id: Any = None
    created_at: Any = None


_identity = msgspec.json.Decoder(_Identity).decode


def _name(found: Any, whole: bytes) -> str:
    name = found.id if found.uuid is None else found.uuid
    return NAMELESS + whole.decode("utf-8", "replace") if name is None else str(name)


def _identity_of(row: bytes) -> Any:
    try:
        return _identity(row)
    except UNREADABLE:
        slowly = load_slowly
    found = as_mapping(slowly(row))
    return _Identity(found.get("uuid"), found.get("id"), found.get("created_at"))


def text_stamp(row: bytes) -> str | None:
    """Return the time of creation of an undecoded row."""
    stamp = stamp_at_head(row)
    if stamp is None:
        stamp = _identity_of(row).created_at
    return stamp if isinstance(stamp, str) else None


def text_key(row: bytes) -> str:
    """Return what names an undecoded row: its `uuid` or `id`, else its whole text."""
    return uuid_at_head(row) or _name(_identity_of(row), row)


def _bytes_page(rows: list[bytes]) -> tuple[list[bytes], list[str]]:
    return rows, keys_at_head(rows) or list(map(text_key, rows))


BYTES_ROWS: RowType[bytes] = RowType(
    bytes, text_key, text_stamp, _bytes_page, stamps_at_head=stamps_at_head
)
"""Rows as the server sent them."""


LINE_ROWS: RowType[bytes] = attrs.evolve(BYTES_ROWS, in_lines=True)
"""Rows as the server sent them, each in one line.

Only a line break inside a row, which JSON allows between its tokens, becomes a space.
"""


def _dict_key(row: Any) -> str:
    found = as_mapping(row)
    name = found.get("id") if found.get("uuid") is None else found["uuid"]
    return NAMELESS + json.dumps(row, sort_keys=True) if name is None else str(name)


def _dict_stamp(row: Any) -> str | None:
    stamp = as_mapping(row).get("created_at")
    return stamp if isinstance(stamp, str) else None


DICT_ROWS: RowType[Any] = RowType(load, _dict_key, _dict_stamp)
"""Rows as plain decoded JSON."""
