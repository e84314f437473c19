"""Where the rows of a page begin and end in its text."""

import json
import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any, TypeVar

import attrs
import msgspec

from posthog_env_async.errors import ResponseDecodeError

from .json_codec import UNREADABLE, as_mapping, load_slowly

__all__ = ["Envelope", "Links", "Steps", "find_rows"]


R = TypeVar("R")

Steps = Generator[None, None, R]
"""Work that is done a step at a time, and returns something."""

SLICE = 1 << 20
ODD_SLICE = 32 << 10
LONGEST_HEAD = 4096


class Links(msgspec.Struct, kw_only=True):
    """What a page says besides its rows."""

    next: str | None = None
    count: int | None = None
    cursor: str | None = msgspec.field(name="nextCursor", default=None)
    has_more: bool | None = msgspec.field(name="hasMore", default=None)
    has_next: Any = None


class _Page(Links, kw_only=True):
    results: list[msgspec.Raw]


@attrs.frozen
class Envelope:
    """A page taken apart: the text of each row, copied so that none keeps the page."""

    links: Links
    results: list[bytes]


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode
_decoder = json.JSONDecoder()

_FIRST_ROW = re.compile(rb'"results":\[(\{"[^"\\]+":"?)')
_BETWEEN = re.compile(r"[\s,:]*")
_WANTED = {"next": str, "count": int, "nextCursor": str, "hasMore": bool}


def find_rows(body: bytes) -> Steps[Envelope]:
    """Take a page apart, in steps: between any two the event loop may have its turn.

    What msgspec refuses and the standard library takes (a lone surrogate, NaN) costs only the row
    that has it a slower way.

    Raises:
        ResponseDecodeError: when it is not JSON, or not a page.
    """
    is_large = len(body) > 2 * SLICE
    if not is_large and (found := _whole_page(body)) is not None:
        return found
    size = SLICE if is_large else ODD_SLICE
    return (yield from _sliced_page(body, size)) or _whole_page(body) or _slow_page(body)


def _whole_page(body: bytes) -> Envelope | None:
    try:
        page = _decode_page(body)
    except UNREADABLE:
        return None
    return Envelope(page, list(map(bytes, page.results)))


def _sliced_page(body: bytes, size: int) -> Steps[Envelope | None]:
    """Take a page apart where rows seem to begin; `None` when that does not prove right.

    Each slice is a list of its own, and what is left is a page. JSON has one reading, so together
    they are the rows of the page.
    """
    first = _FIRST_ROW.search(body, 0, LONGEST_HEAD)
    if first is None:
        return None
    start = place = first.start(1)
    between, rows = b"}," + first[1], list[bytes]()
    try:
        _decode_page(body[:start] + b"]}")
        while (end := body.find(between, place + size)) >= 0:
            rows += _slice_rows(body[place : end + 1], between)
            place = end + len(b"},")
            yield
        links, last = _last_rows(body, start, place, between)
    except UNREADABLE:
        return None
    return Envelope(links, [*rows, *last])


def _last_rows(
    body: bytes, start: int, place: int, between: bytes
) -> tuple[Links, Sequence[bytes]]:
    """Return what a page says besides its rows, and the rows from a place on."""
    rest = _whole_page(body[:start] + body[place:])
    if rest is not None:
        return rest.links, rest.results
    end = body.rindex(b"}]") + 1
    links = _decode_page(body[:start] + body[end:])
    if links.results:
        raise ValueError("rows")
    return links, _slice_rows(body[place:end], between)


def _slice_rows(text: bytes, between: bytes) -> Sequence[bytes]:
    """Return the rows of a slice, each checked by itself where one of them is odd."""
    try:
        return list(map(bytes, _decode_rows(b"[%b]" % text)))
    except UNREADABLE:
        head = between.removeprefix(b"},")
    rows = text.split(between)
    rows = [b"%b%b}" % (head if number else b"", row) for number, row in enumerate(rows)]
    rows[-1] = rows[-1][:-1]
    if not all(map(_is_value, rows)):
        raise ValueError("rows")
    return rows


def _is_value(text: bytes) -> bool:
    try:
        _skip(text)
    except UNREADABLE:
        return _is_slow_value(text)
    return True


def _is_slow_value(text: bytes) -> bool:
    try:
        load_slowly(text)
    except ResponseDecodeError:
        return False
    return True


def _slow_page(body: bytes) -> Envelope:
    page = as_mapping(load_slowly(body))
    if not isinstance(page.get("results"), list):
        raise ResponseDecodeError("the answer is not a page: expected a list @ $.results")
    for name, kind in _WANTED.items():
        if page.get(name) is not None and type(page[name]) is not kind:
            raise ResponseDecodeError(
                f"the answer is not a page: expected {kind.__name__} @ $.{name}"
            )
    links = Links(
        next=page.get("next"),
        count=page.get("count"),
        cursor=page.get("nextCursor"),
        has_more=page.get("hasMore"),
        has_next=page.get("has_next"),
    )
    return Envelope(links, _row_texts(body))


def _row_texts(body: bytes) -> list[bytes]:
    """Return the items of the list `results`, found by the standard library's decoder."""
    text = body.decode("utf-8", "surrogatepass")
    found: list[bytes] = []
    for name, start, end in _members(text, _after(text, text.index("{"))):
        if name == "results":
            found = [
                text[first:last].encode("utf-8", "surrogatepass")
                for first, last in _items(text, _after(text, start), end)
            ]
    return found


def _after(text: str, place: int) -> int:
    """Return the place of the next value or closing bracket behind an opening one."""
    return _next_token(text, place + 1)


def _next_token(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return place if match is None else match.end()


def _members(text: str, place: int) -> Iterator[tuple[str, int, int]]:
    while text[place] != "}":
        name, after = _decoder.raw_decode(text, place)
        start = _next_token(text, after)
        _, end = _decoder.raw_decode(text, start)
        yield name, start, end
        place = _next_token(text, end)


def _items(text: str, place: int, last: int) -> Iterator[tuple[int, int]]:
    while place < last - 1:
        _, end = _decoder.raw_decode(text, place)
        yield place, end
        place = _next_token(text, end)
