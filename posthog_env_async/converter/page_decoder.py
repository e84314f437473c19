"""Pages to rows: found by msgspec in one pass, each kept as its text until it is looked at."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Generic, TypeVar, cast

import attrs

from posthog_env_async.errors import ResponseDecodeError

from .json_codec import Raw
from .row_spans import Envelope, Steps, find_rows

__all__ = ["NAMELESS", "LoadedPage", "RowType", "discard", "load_page", "load_page_in_turns"]

T = TypeVar("T")

NAMELESS = "\0"
"""What the key of a row begins with that has neither `uuid` nor `id`."""

BUILT_AT_ONCE = 32
ROWS_A_STEP = 100


@attrs.frozen
class LoadedPage:
    """A page with its rows, and what leads on: `next` or a cursor (docs/server.md, Paging).

    `keys` tell the rows apart; `length` counts also those that were not read: `failure` is the
    error of the row that follows the last one read. `bad_rows` are the places of rows that cannot
    be read, in a page that was loaded without them.
    """

    body: bytes = attrs.field(repr=False)
    rows: list[Any] = attrs.field(repr=False)
    keys: list[str] = attrs.field(repr=False)
    length: int
    next: str | None = attrs.field(default=None, repr=False)
    count: int | None = None
    cursor: str | None = attrs.field(default=None, repr=False)
    has_more: bool | None = None
    failure: ResponseDecodeError | None = None
    has_next: bool | None = None
    bad_rows: tuple[int, ...] = ()


@attrs.frozen
class RowType(Generic[T]):
    """How rows are read, and what tells one from all others.

    `decode_row` reads a row as a page keeps it. `key` names a row for as long as it exists, or
    gives its text behind `NAMELESS`, where nothing tells it from another with the same text; rows
    with the same `stamp` may change places, and `stamps` gives those of many at once. `decode_page`
    gives rows and keys of a whole page where that is quicker, or `None` when some row of it is odd.
    `build` converts rows to what the caller gets; only then, so that a page is cheap to keep.
    `check` raises what `decode_row` leaves to the first look at a row. `model` is the class of what
    the caller gets, where that is not plain data. With `in_lines` a line break inside a row, which
    JSON allows between its tokens, becomes a space.
    """

    decode_row: Callable[[Raw], Any]
    key: Callable[[Any], str]
    stamp: Callable[[Any], str | None]
    decode_page: Callable[[list[bytes]], tuple[list[Any], list[str]] | None] = lambda _: None
    build: Callable[[list[Any]], list[T]] | None = None
    check: Callable[[Any], object] | None = None
    stamps_at_head: Callable[[Sequence[Any]], list[str | None] | None] = lambda _: None
    model: type[Any] | None = None
    in_lines: bool = False

    def read(self, text: Raw) -> T:
        """Read a row that stands alone."""
        row = self.decode_row(text)
        if self.check is not None:
            self.check(row)
        return self.item(row)

    def stamps(self, rows: Sequence[Any]) -> list[str | None]:
        """Return when each of many rows was made, as the server writes it."""
        return self.stamps_at_head(rows) or list(map(self.stamp, rows))

    def item(self, row: Any) -> T:
        """Return what the caller gets for a row."""
        return row if self.build is None else self.build([row])[0]

    def items(self, rows: list[Any]) -> list[T]:
        """Return what the caller gets for rows."""
        return rows if self.build is None else self.build(rows)

    def let_go(self, rows: list[Any]) -> Iterator[T]:
        """Give what the caller gets for rows, and keep none that was given.

        So what a caller decodes of them does not pile up, but for a few.
        """
        if self.build is None:
            rows.reverse()
            return map(list[Any].pop, repeat(rows, len(rows)))
        return chain.from_iterable(map(self.build, _taken(rows)))


def _taken(rows: list[T]) -> Iterator[list[T]]:
    """Take rows out of a list, some at a time: fewer than set off Python's garbage collector."""
    rows.reverse()
    while rows:
        some = rows[: -BUILT_AT_ONCE - 1 : -1]
        del rows[-BUILT_AT_ONCE:]
        yield some


def load_page(body: bytes, kind: RowType[Any], *, skip_bad_rows: bool = False) -> LoadedPage:
    """Read a page; one odd row costs only itself a slower way.

    With `skip_bad_rows` each row is read as far as its type can tell, and one that cannot be read
    is not a failure: its place is in `bad_rows`, and its text among the rows.

    Raises:
        ResponseDecodeError: when it is not JSON, or not a page.
    """
    steps = _load_page(body, kind, skip_bad_rows)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast("LoadedPage", done.value)


async def load_page_in_turns(
    body: bytes, kind: RowType[Any], *, skip_bad_rows: bool = False
) -> LoadedPage:
    """Read a page as `load_page` does; a large one lets the event loop have its turn in between."""
    steps = _load_page(body, kind, skip_bad_rows)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast("LoadedPage", done.value)
        await asyncio.sleep(0)


def _load_page(body: bytes, kind: RowType[Any], skip_bad_rows: bool) -> Steps[LoadedPage]:
    found = yield from find_rows(body)
    if kind.in_lines and (b"\n" in body or b"\r" in body):
        found = attrs.evolve(found, results=list(map(_line, found.results)))
    if not skip_bad_rows and (page := kind.decode_page(found.results)) is not None:
        return _loaded(body, found, *page)
    rows, keys, bad_rows = list[Any](), list[str](), list[int]()
    failure: ResponseDecodeError | None = None
    for place, text in enumerate(found.results):
        if place % ROWS_A_STEP == ROWS_A_STEP - 1:
            yield
        try:
            row, key = _keyed_row(text, kind, check=skip_bad_rows)
        except ResponseDecodeError as error:
            if not skip_bad_rows:
                failure = error
                break
            bad_rows.append(place)
            row, key = text, text.decode("utf-8", "replace")
        rows.append(row)
        keys.append(key)
    read = _loaded(body, found, rows, keys)
    return attrs.evolve(read, failure=failure, bad_rows=tuple(bad_rows))


def _line(row: bytes) -> bytes:
    return row.replace(b"\n", b" ").replace(b"\r", b" ")


def _keyed_row(text: bytes, kind: RowType[Any], *, check: bool) -> tuple[Any, str]:
    row = kind.decode_row(text)
    if check and kind.check is not None:
        kind.check(row)
    return row, kind.key(row)


def discard(calls: Iterator[object]) -> None:
    """Make calls for what they do; their results are dropped."""
    deque(calls, maxlen=0)


def _loaded(body: bytes, found: Envelope, rows: list[Any], keys: list[str]) -> LoadedPage:
    links = found.links
    return LoadedPage(
        body,
        rows,
        keys,
        len(found.results),
        links.next,
        links.count,
        links.cursor,
        links.has_more,
        None,
        links.has_next if isinstance(links.has_next, bool) else None,
    )
