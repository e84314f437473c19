"""JSON to models by msgspec and cattrs, which nobody else imports."""

from .json_codec import UNREADABLE, Raw, as_mapping, dump, load
from .keyed_rows import keyed_rows
from .lazy_fields import lazy_fields
from .model_rows import lazy_rows, structured_rows, with_text
from .page_decoder import NAMELESS, LoadedPage, RowType, load_page, load_page_in_turns
from .property_reader import ABSENT, UNREAD, read_property
from .raw_rows import BYTES_ROWS, DICT_ROWS, LINE_ROWS
from .records import RawField, record_decoder, records_decoder
from .structure import as_time, as_uuid, nanoseconds, structure
from .uuid_scan import uuid_at_head

__all__ = [
    "ABSENT",
    "BYTES_ROWS",
    "DICT_ROWS",
    "LINE_ROWS",
    "NAMELESS",
    "UNREAD",
    "UNREADABLE",
    "LoadedPage",
    "Raw",
    "RawField",
    "RowType",
    "as_mapping",
    "as_time",
    "as_uuid",
    "dump",
    "keyed_rows",
    "lazy_fields",
    "lazy_rows",
    "load",
    "load_page",
    "load_page_in_turns",
    "nanoseconds",
    "read_property",
    "record_decoder",
    "records_decoder",
    "structure",
    "structured_rows",
    "uuid_at_head",
    "with_text",
]
