"""Rows into records of known fields, decoded by msgspec, one or many at once."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from .json_codec import UNREADABLE

__all__ = ["RawField", "record_decoder", "records_decoder"]

Field = tuple[str, Any] | tuple[str, Any, Any]

RawField = msgspec.Raw
"""The type of a field that a record leaves as JSON: a view of the row's own text."""

NO_TEXT = msgspec.Raw(b"")


def record_decoder(name: str, fields: Sequence[Field]) -> Callable[[bytes], Any]:
    """Return what decodes a row into a record with these fields; others are skipped.

    `fields` are names, types and, where a row may lack it, what stands for the field then.
    """
    record = msgspec.defstruct(name, fields, gc=False)
    return cast("Callable[[bytes], Any]", msgspec.json.Decoder(record).decode)


def records_decoder(
    fields: Sequence[tuple[str, Any]], *, others: bool
) -> Callable[[Sequence[bytes]], list[Any] | None]:
    """Return what decodes rows into records, or gives `None` when one of them does not fit.

    A record has the attribute `c0` for the first field, and so on: an empty text for a missing one
    that is undecoded, else `None`. Without `others`, a row with a field that is not named does not
    fit. A row that is `null` becomes `None`. No row fits where a name has half a character.
    """
    if not all(_is_writable(field) for field, _ in fields):
        return lambda _: None
    names = [f"c{number}" for number in range(len(fields))]
    record = msgspec.defstruct(
        "Record",
        [
            (name, kind, NO_TEXT if kind is RawField else None)
            for name, (_, kind) in zip(names, fields, strict=True)
        ],
        rename={name: field for name, (field, _) in zip(names, fields, strict=True)},
        forbid_unknown_fields=not others,
        gc=False,
    )
    optional: Any = record | None
    decode = msgspec.json.Decoder(list[optional]).decode

    def read(rows: Sequence[bytes]) -> list[Any] | None:
        try:
            return decode(b"".join((b"[", b",".join(rows), b"]")))
        except UNREADABLE:
            return None

    return read


def _is_writable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
