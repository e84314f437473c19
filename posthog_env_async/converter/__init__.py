"""JSON to models by msgspec and cattrs, which nobody else imports."""

from .lazy import LazyObject
from .rows import (
    ABSENT,
    BYTES_ROWS,
    DICT_ROWS,
    UNDECODED,
    LoadedPage,
    RowType,
    checked_rows,
    load_page,
    structured_rows,
)
from .strict import as_time, as_uuid, structure, unknown_fields
from .text import Raw, as_mapping, dump, load

__all__ = [
    "ABSENT",
    "BYTES_ROWS",
    "DICT_ROWS",
    "UNDECODED",
    "LazyObject",
    "LoadedPage",
    "Raw",
    "RowType",
    "as_mapping",
    "as_time",
    "as_uuid",
    "checked_rows",
    "dump",
    "load",
    "load_page",
    "structure",
    "structured_rows",
    "unknown_fields",
]
