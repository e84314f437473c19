"""The keys of rows, read off their first bytes where all rows begin alike."""

import re
from collections.abc import Sequence

__all__ = ["keys_at_head"]

_HEAD = re.compile(rb'\{(?:"[^"\\]+":"[^"\\]*",)*?"uuid":"([^"\\]+)"')
"""Plain texts up to the `uuid`: no escape in them, so every quote is one of JSON's own."""


def keys_at_head(rows: Sequence[bytes]) -> list[str] | None:
    """Return the `uuid` of each row; `None` unless all rows begin as the first one does.

    Alike means: the same texts around a `uuid` of the same length, which may stand in front of it
    once more, as a person's `id` does (docs/server.md, Persons list). Costs a
    quarter of decoding the rows.
    """
    first = _HEAD.match(rows[0]) if rows else None
    if first is None:
        return None
    before, *between = rows[0][: first.start(1)].split(first[1])
    keys = _between(rows, before, len(first[1]), b"".join(between) or b'"')
    if keys is None or not between:
        return keys
    again = b"".join([row[first.start(1) : first.end(1) + 1] for row in rows])
    return keys if again == "".join([f'{key}"' for key in keys]).encode() else None


def _between(rows: Sequence[bytes], before: bytes, size: int, after: bytes) -> list[str] | None:
    """Return the text of `size` that stands between two texts at the head of each row."""
    end = len(before) + size + len(after)
    heads = b"".join([row[:end] for row in rows])
    if not (heads.isascii() and heads.startswith(before) and heads.endswith(after)):
        return None
    # JSON has no `"{`, so the seams of the heads are the only places to split at.
    keys = heads[len(before) : -len(after)].decode().split((after + before).decode())
    text = "".join(keys)
    is_plain = '"' not in text and "\\" not in text
    return keys if is_plain and len(keys) == len(rows) else None
