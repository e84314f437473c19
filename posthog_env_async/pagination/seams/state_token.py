"""The token of a place: which rows it names, so that the next run takes none of them for new."""

from collections.abc import Callable, Sequence

import attrs

from posthog_env_async.pagination.resume_token import (
    DIGEST_BYTES,
    QueryFingerprint,
    Token,
    digest,
    mark,
)

from .earlier_rows import EarlierRows
from .read_state import ReadState

__all__ = ["OpenPage", "token_of"]

MOST_TIMED = 2_000
MOST_PASSED = 1_000
MOST_NAMED = 16_000
NO_ROWS = EarlierRows({}, frozenset())


@attrs.frozen
class OpenPage:
    """A page that is not done with: where it begins, and the rows of it that were handed out.

    `created` says when one of those was made, in milliseconds, by its place among them.
    """

    offset: int
    keys: Sequence[str]
    created: Callable[[int], int | None]


def token_of(
    state: ReadState, subject: QueryFingerprint, items: int, page: OpenPage | None = None
) -> Token:
    """Return the token of a place after so many items: at the position, or within a page.

    Every row that was handed out and that the next run may meet is named, and of those without a
    name it is known that they are newer.
    """
    earlier, handed = state.earlier or NO_ROWS, () if page is None else page.keys
    tail = _tail(state, earlier, page)
    named = {row[:DIGEST_BYTES] for row in tail}
    others = [*map(digest, (*handed, *state.head, *state.aside)), *earlier.tail, *earlier.handed]
    others = [name for name in dict.fromkeys(others) if name not in named]
    named.update(others)
    room = max(0, MOST_PASSED - len(others))
    passed = [name for name in earlier.passed if name not in named][:room]
    return Token(
        subject=subject,
        offset=state.position if page is None else page.offset,
        first=state.first,
        items=items,
        whole=state.knows_all and len(named) + len(passed) >= items,
        tail=tail,
        handed=tuple(others[:MOST_NAMED]),
        passed=tuple(passed),
        frontier=_last_created(page) if state.frontier is None else state.frontier,
        front=_front(state, earlier, page),
        deepest=_deepest(state, earlier, page),
        unsure=not state.is_sound or len(others) > MOST_NAMED,
        wary=state.is_doubted or state.has_ghosts or state.doubted is not None,
    )


def _begins(state: ReadState, page: OpenPage | None) -> bool:
    """Whether a page is the first of a listing that begins elsewhere than at row 0."""
    return page is not None and state.first > 0 and not state.pages and state.earlier is None


def _tail(state: ReadState, earlier: EarlierRows, page: OpenPage | None) -> tuple[bytes, ...]:
    """Return the marks of the rows that prove, the deepest first, each row once."""
    own = [state.mark(key) for key in dict.fromkeys(reversed(state.tail))]
    if page is not None and _begins(state, page):
        own = [
            mark(key, page.created(place), is_timed=True) for place, key in enumerate(page.keys)
        ][::-1]
    names = {row[:DIGEST_BYTES] for row in own}
    return (*own, *[row for row in earlier.marks if row[:DIGEST_BYTES] not in names])[:MOST_TIMED]


def _front(state: ReadState, earlier: EarlierRows, page: OpenPage | None) -> int | None:
    """Return the time of creation that no row without a name is older than."""
    if page is not None and page.keys and _begins(state, page):
        newest = page.created(0)
        return None if newest is None else newest + 1
    front = _least(state.untold, None if state.knows_all else earlier.front)
    return state.front if front is None and state.first else front


def _deepest(state: ReadState, earlier: EarlierRows, page: OpenPage | None) -> int | None:
    """Return the time of creation below which no row stands that was handed out."""
    last = state.created(state.tail[-1]) if state.tail else None
    open_page = _last_created(page)
    return _least(
        last, open_page, state.frontier, earlier.deepest if earlier.tail or earlier.handed else None
    )


def _last_created(page: OpenPage | None) -> int | None:
    return page.created(len(page.keys) - 1) if page is not None and page.keys else None


def _least(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)
