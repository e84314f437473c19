"""Rows of models: structured by cattrs one by one, or kept as text until a field is looked at."""

from collections.abc import Callable
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeVar

import attrs

from .json_codec import Raw, load
from .page_decoder import RowType, discard
from .raw_rows import text_key, text_stamp
from .structure import structure
from .uuid_scan import keys_at_head, stamps_at_head

__all__ = ["TEXT", "lazy_rows", "structured_rows", "with_text"]

T = TypeVar("T")

TEXT = "_text"
"""The attribute in which a model keeps the text that it was read from."""

CHECKED_AT_ONCE = 50
"""The rows of a page that cost too little to leave their check for later."""

_uuid, _id = attrgetter("uuid"), attrgetter("id")


def with_text(item: T, text: Raw) -> T:
    """Let a model keep its text, if it is one that does; the copy does not keep the page."""
    if hasattr(type(item), TEXT):
        object.__setattr__(item, TEXT, bytes(text))
    return item


def structured_rows(kind: type[T]) -> RowType[T]:
    """Return how rows of a model are read one by one; told apart by `uuid` or `id`."""
    return RowType(
        lambda text: with_text(structure(kind, load(text)), text),
        _item_key(kind),
        lambda _: None,
        model=kind,
    )


def _item_key(kind: type[Any]) -> Callable[[Any], str]:
    names = {field.name for field in attrs.fields(kind)} if attrs.has(kind) else set[str]()
    read = _uuid if "uuid" in names else _id if "id" in names else None

    def key(item: Any) -> str:
        name = None if read is None else read(item)
        return str(attrs.asdict(item)) if name is None else str(name)

    return key


def lazy_rows(kind: type[T], check: Callable[[bytes], object]) -> RowType[T]:
    """Return how rows with a `uuid` are read that are only decoded when looked at.

    `kind` keeps the text of its row in the slot `_text`, and is made without its `__init__`.
    `check` decodes a row and raises what is wrong with it: at once in a short page and in one whose
    rows do not all begin alike, with plain texts and a `uuid`; else when a field is first looked
    at.
    """
    hold = getattr(kind, TEXT).__set__

    def build(rows: list[bytes]) -> list[T]:
        items: list[T] = list(map(object.__new__, repeat(kind, len(rows))))
        discard(map(hold, items, rows))
        return items

    def decode_row(text: Raw) -> bytes:
        row = bytes(text)
        check(row)
        return row

    def decode_page(rows: list[bytes]) -> tuple[list[bytes], list[str]] | None:
        keys = keys_at_head(rows) if len(rows) > CHECKED_AT_ONCE else None
        return None if keys is None else (rows, keys)

    return RowType(
        decode_row,
        text_key,
        text_stamp,
        decode_page,
        build,
        check,
        stamps_at_head=stamps_at_head,
        model=kind,
    )
