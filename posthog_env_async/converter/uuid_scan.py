"""What stands at the head of rows: the `uuid` and the time of creation, found without decoding."""

import re
from collections.abc import Sequence

__all__ = ["keys_at_head", "stamp_at_head", "stamps_at_head", "uuid_at_head"]

_HEAD = re.compile(rb'\{(?:"[^"\\]+":"[^"\\]*",)*?"uuid":"([^"\\]+)"')
"""Plain texts up to the `uuid`: no escape in them, so every quote is one of JSON's own."""

_STAMPED_HEAD = re.compile(_HEAD.pattern + rb',"created_at":"([^"\\]*)"')
_STAMP = b',"created_at":"'
_LONGEST_STAMP = 40


def uuid_at_head(row: bytes) -> str | None:
    """Return the `uuid` of a row that begins with plain texts; `None` for any other row."""
    head = _HEAD.match(row)
    if head is None or not head[1].isascii():
        return None
    return head[1].decode()


def stamp_at_head(row: bytes) -> str | None:
    """Return the `created_at` that follows the `uuid` of a row; `None` for any other row."""
    head = _STAMPED_HEAD.match(row)
    return head[2].decode() if head is not None and head[2].isascii() else None


def keys_at_head(rows: Sequence[bytes]) -> list[str] | None:
    """Return the `uuid` of each row; `None` unless all rows begin as the first one does.

    Alike means: the same texts around a `uuid` of the same length, which may stand in front of it
    once more, as a person's `id` does (docs/server.md, Persons list). Costs a quarter of decoding
    the rows.
    """
    return _keys(rows, b"")


def stamps_at_head(rows: Sequence[bytes]) -> list[str | None] | None:
    """Return the `created_at` of each row; `None` unless it follows the `uuid` in rows alike."""
    first = _HEAD.match(rows[0]) if rows else None
    if first is None or _keys(rows, _STAMP) is None:
        return None
    start = first.end() + len(_STAMP)
    texts = b"\n".join([row[start : start + _LONGEST_STAMP].partition(b'"')[0] for row in rows])
    return None if b"\\" in texts or not texts.isascii() else [*texts.decode().split("\n")]


def _keys(rows: Sequence[bytes], behind: bytes) -> list[str] | None:
    """Return the `uuid` of rows that begin alike and go on with the same text behind it."""
    first = _HEAD.match(rows[0]) if rows else None
    if first is None:
        return None
    before, *between = rows[0][: first.start(1)].split(first[1])
    after = b"".join(between)
    keys = _between(rows, before, len(first[1]), after or b'"' + behind)
    if keys is None or not between:
        return keys
    start, stop = first.start(1), first.end() + len(behind)
    again = b"".join([row[start:stop] for row in rows])
    end = '"' + behind.decode()
    return keys if again == "".join([key + end for key in keys]).encode() else None


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
