"""JSON to models by msgspec and cattrs, which nobody else imports."""

from .lazy import LazyObject
from .pages import LoadedPage, RowType, load_page
from .rows import ABSENT, UNDECODED, checked_rows, record, structured_rows
from .strict import as_time, as_uuid, structure
from .text import Raw, as_mapping, dump, load
from .undecoded import BYTES_ROWS, DICT_ROWS, LINE_ROWS

__all__ = [
    "ABSENT",
    "BYTES_ROWS",
    "DICT_ROWS",
    "LINE_ROWS",
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
    "record",
    "structure",
    "structured_rows",
]
