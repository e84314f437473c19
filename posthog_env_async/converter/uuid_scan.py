"""What stands at the head of rows: the `uuid` and the time of creation, found without decoding."""

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter

__all__ = ["keys_at_head", "stamp_at_head", "stamps_at_head", "uuid_at_head"]

_HEAD = re.compile(rb'\{(?:"[^"\\]+":"[^"\\]*",)*?"uuid":"([^"\\]+)"')
"""Plain texts up to the `uuid`: no escape in them, so every quote is one of JSON's own."""

_STAMPED_HEAD = re.compile(_HEAD.pattern + rb',"created_at":"([^"\\]*)"')
_NAME = b'"uuid":"'
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
    before, _, between = rows[0][: first.start(1)].partition(first[1])
    if not rows[-1].startswith(before) or not (between or before).endswith(_NAME):
        return None
    end = first.end() + len(behind)
    heads = b"".join(map(itemgetter(slice(end)), rows))
    if not heads.isascii():
        return None
    keys = _pattern(before, len(first[1]), between, b'"' + behind).findall(heads.decode())
    # Each match is as long as a head: so many of them are the heads, and nothing else.
    return keys if len(keys) == len(rows) and len(heads) == len(rows) * end else None


@lru_cache(maxsize=16)
def _pattern(before: bytes, size: int, between: bytes, after: bytes) -> re.Pattern[str]:
    """Return what a head is: the key between two texts, once more where there is a third one."""
    again = re.escape(between) + rb"\1" if between else b""
    # Of ASCII, all but quotes, backslashes and control characters: a class that `re` tests at once.
    key = rb"([ -!#-\[\]-~]{%d})" % size
    return re.compile((re.escape(before) + key + again + re.escape(after)).decode())
