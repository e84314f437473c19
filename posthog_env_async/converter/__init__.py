"""JSON to models by msgspec and cattrs, which nobody else imports."""

from .json_codec import Raw, as_mapping, dump, load
from .keyed_rows import keyed_rows
from .lazy_object import LazyObject
from .model_rows import ABSENT, UNDECODED, checked_rows, record, structured_rows
from .page_decoder import LoadedPage, RowType, load_page
from .raw_rows import BYTES_ROWS, DICT_ROWS, LINE_ROWS
from .structure import as_time, as_uuid, structure

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
    "keyed_rows",
    "load",
    "load_page",
    "record",
    "structure",
    "structured_rows",
]
