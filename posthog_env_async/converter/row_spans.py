"""Where the rows of a page begin and end in its text, found by the standard library's decoder."""

import json
import re
from collections.abc import Iterator

__all__ = ["row_texts"]

_BETWEEN = re.compile(r"[\s,:]*")
_decoder = json.JSONDecoder()


def row_texts(body: bytes) -> list[bytes]:
    """Return the items of the list `results`, each as the bytes it has in the body.

    For a body that is known to be an object with such a list, which holds something that only the
    standard library takes.
    """
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
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return place if match is None else match.end()


def _members(text: str, place: int) -> Iterator[tuple[str, int, int]]:
    while text[place] != "}":
        name, after = _decoder.raw_decode(text, place)
        start = _skip(text, after)
        _, end = _decoder.raw_decode(text, start)
        yield name, start, end
        place = _skip(text, end)


def _items(text: str, place: int, last: int) -> Iterator[tuple[int, int]]:
    while place < last - 1:
        _, end = _decoder.raw_decode(text, place)
        yield place, end
        place = _skip(text, end)
