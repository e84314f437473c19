"""Pages to rows: found by msgspec, each read the quickest way that is right for it."""

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from posthog_env_async.errors import ResponseDecodeError

from .json_codec import UNREADABLE, Raw, as_mapping, load_slowly
from .row_spans import row_texts

__all__ = ["Envelope", "Links", "LoadedPage", "RowType", "envelope", "load_page", "loaded"]

T = TypeVar("T")


@attrs.frozen
class LoadedPage:
    """A page with its rows read and what leads on: `next` or a cursor (docs/server.md, Paging).

    `keys` tell the rows apart; `length` counts also those that were not read: `failure` is the
    error of the row that follows the last one read.
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


@attrs.frozen
class RowType(Generic[T]):
    """How rows are read, and what tells one from all others.

    `key` names a row for as long as it exists; rows with the same `stamp` may change places.
    `quick` reads a whole page at once, or `None` when some row of it is odd. `hold` makes of a row
    what the caller gets; only then, so that a page of rows is cheap to keep.
    """

    load: Callable[[Raw], Any]
    key: Callable[[Any], str]
    stamp: Callable[[Any], str | None]
    quick: Callable[[bytes], LoadedPage | None] = lambda _: None
    hold: Callable[[Any], T] | None = None

    def read(self, text: Raw) -> T:
        """Read a row that stands alone."""
        return self.item(self.load(text))

    def item(self, row: Any) -> T:
        """Return what the caller gets for a row."""
        return row if self.hold is None else self.hold(row)

    def items(self, rows: list[Any]) -> list[T]:
        """Return what the caller gets for rows."""
        return rows if self.hold is None else list(map(self.hold, rows))

    def let_go(self, rows: list[Any]) -> Iterator[T]:
        """Give what the caller gets for rows, and keep none that was given.

        So what a caller decodes of them does not pile up.
        """
        rows.reverse()
        popped = map(list[Any].pop, repeat(rows, len(rows)))
        return popped if self.hold is None else map(self.hold, popped)


class Links(msgspec.Struct, kw_only=True):
    """What a page says besides its rows."""

    next: str | None = None
    count: int | None = None
    cursor: str | None = msgspec.field(name="nextCursor", default=None)
    has_more: bool | None = msgspec.field(name="hasMore", default=None)


class Envelope(Links, kw_only=True):
    """A page with its rows undecoded: views of its text."""

    results: list[msgspec.Raw]


envelope = msgspec.json.Decoder(Envelope).decode


def load_page(body: bytes, kind: RowType[Any]) -> LoadedPage:
    """Read a page; one odd row costs only itself a slower way.

    Raises:
        ResponseDecodeError: when it is no JSON, or no page.
    """
    page = kind.quick(body)
    if page is not None:
        return page
    found = _found_rows(body)
    rows, failure = list[Any](), None
    for text in found.results:
        try:
            rows.append(kind.load(text))
        except ResponseDecodeError as error:
            failure = error
            break
    return loaded(body, found, rows, [kind.key(row) for row in rows], failure=failure)


def loaded(
    body: bytes,
    found: Any,
    rows: list[Any],
    keys: list[str],
    *,
    failure: ResponseDecodeError | None = None,
) -> LoadedPage:
    """Return a page whose rows were read."""
    return LoadedPage(
        body,
        rows,
        keys,
        len(found.results),
        found.next,
        found.count,
        found.cursor,
        found.has_more,
        failure,
    )


def _found_rows(body: bytes) -> Envelope:
    try:
        return envelope(body)
    except UNREADABLE:
        slowly = _found_rows_slowly
    return slowly(body)


def _found_rows_slowly(body: bytes) -> Envelope:
    page = as_mapping(load_slowly(body))
    if not isinstance(page.get("results"), list):
        raise ResponseDecodeError("the answer is no page: expected a list @ $.results")
    wanted = {"next": str, "count": int, "nextCursor": str, "hasMore": bool}
    for name, kind in wanted.items():
        if page.get(name) is not None and type(page[name]) is not kind:
            raise ResponseDecodeError(f"the answer is no page: expected {kind.__name__} @ $.{name}")
    return Envelope(
        results=list(map(msgspec.Raw, row_texts(body))),
        next=page.get("next"),
        count=page.get("count"),
        cursor=page.get("nextCursor"),
        has_more=page.get("hasMore"),
    )
