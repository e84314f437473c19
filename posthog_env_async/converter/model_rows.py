"""Rows of models: checked by msgspec a page at a time, or structured by cattrs one by one."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import attrs
import msgspec

from .json_codec import UNREADABLE, Raw, load
from .page_decoder import Links, LoadedPage, RowType, loaded
from .structure import structure

__all__ = ["ABSENT", "UNDECODED", "checked_rows", "record", "structured_rows"]

T = TypeVar("T")

UNDECODED = msgspec.Raw
"""The type of a field that is left as JSON; a view of its page, so copy what is kept."""

ABSENT = msgspec.UNSET
"""What stands for a field that a row lacks, where that is not the same as `null`."""

_uuid, _created_at = attrgetter("uuid"), attrgetter("created_at")

Fields = Sequence[tuple[str, Any] | tuple[str, Any, Any]]


def _model_key(item: Any) -> str:
    name = getattr(item, "uuid", None) or getattr(item, "id", None)
    return str(attrs.asdict(item)) if name is None else str(name)


def structured_rows(kind: type[T], key: Callable[[T], str] = _model_key) -> RowType[T]:
    """Return how rows of a model are read whole; told apart by `uuid` or `id` unless said."""
    return RowType(lambda row: structure(kind, load(row)), key, lambda _: None)


def record(name: str, module: str, fields: Fields) -> Any:
    """Return a class of rows whose every field has a known name and type.

    `fields` are names, types and, where a row may lack it, what stands for the field then.
    """
    return msgspec.defstruct(name, fields, module=module, forbid_unknown_fields=True, gc=False)


def checked_rows(
    row: Any,
    hold: Callable[[Any], T],
    *,
    load: Callable[[Raw], Any],
    undecoded: str,
) -> RowType[T]:
    """Return how rows are read that are `record`s with `uuid` and `created_at`, held by a model.

    msgspec checks a page in one pass. The field `undecoded` is copied out of the page, so that a
    row which is kept does not keep its page. A page that has any other row is left to `load`, row
    by row.
    """
    copied = attrgetter(undecoded)
    page = msgspec.defstruct("Page", [("results", list[row])], bases=(Links,), kw_only=True)
    decode = msgspec.json.Decoder(page).decode

    def quick(body: bytes) -> LoadedPage | None:
        try:
            found: Any = decode(body)
        except UNREADABLE:
            return None
        rows: list[Any] = found.results
        for found_row, text in zip(rows, map(bytes, map(copied, rows)), strict=True):
            setattr(found_row, undecoded, text)
        return loaded(body, found, rows, list(map(_uuid, rows)))

    return RowType(load, _uuid, _created_at, quick, hold)
