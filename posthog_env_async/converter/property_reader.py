"""One property of a row, read without decoding the others."""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from .json_codec import UNREADABLE

__all__ = ["ABSENT", "UNREAD", "read_property"]

ABSENT = msgspec.UNSET
"""What stands for a property that a row lacks: not the same as `null`."""

UNREAD = object()
"""Stands for a property that cannot be read alone."""

KEYS_REMEMBERED = 256

_readers: dict[str, Callable[[bytes], Any]] = {}


def read_property(text: bytes, key: str) -> Any:
    """Return one of the `properties` of a row, or `ABSENT`; `UNREAD` when it takes all of them."""
    try:
        properties = (_readers.get(key) or _new_reader(key))(text).properties
    except (*UNREADABLE, TypeError):
        return UNREAD
    return ABSENT if properties is None else properties.value


def _new_reader(key: str) -> Callable[[bytes], Any]:
    only = msgspec.defstruct("Only", [("value", Any, ABSENT)], rename={"value": key}, gc=False)
    row = msgspec.defstruct("Row", [("properties", only | None, None)], gc=False)
    read = cast("Callable[[bytes], Any]", msgspec.json.Decoder(row).decode)
    if len(_readers) >= KEYS_REMEMBERED:
        _readers.clear()
    _readers[key] = read
    return read
