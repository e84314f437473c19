"""Whether a page without `next` is the end of a listing: a decision about plain values.

The server says `next: null` wherever it found fewer rows than were asked for, also where it cut
them itself (docs/server.md, Paging). So an end is proven, not believed.
"""

from enum import Enum

from posthog_env_async.pagination.page_size import LEAST_CAP, PageSizes
from posthog_env_async.pagination.window_reader import WindowPage

from .read_state import ReadState

__all__ = ["End", "check_end", "claims_more"]

MOST_DOUBTS = 3


class End(Enum):
    """What a page says of the end."""

    NONE = "rows follow"
    DOUBTFUL = "rows may follow: ask once more behind the last row"
    PROVEN = "no row follows"
    CONTRADICTED = "the server says that rows follow, and gives none"


def check_end(state: ReadState, page: WindowPage, sizes: PageSizes, *, fresh: int) -> End:
    """Decide whether a page that joins is the end; `fresh` rows of it were new."""
    if page.end is not None:
        return End.NONE
    if claims_more(page, sizes):
        spent = state.idle_ends >= MOST_DOUBTS and not fresh
        return End.CONTRADICTED if spent else End.DOUBTFUL
    # A server that drops rows may show none that is new: so it has to say the end twice.
    is_asked_again = state.doubted is not None or not state.has_ghosts
    if not fresh and is_asked_again and _is_short(page, sizes):
        return End.PROVEN
    is_short = page.length < LEAST_CAP
    is_full = page.length >= page.window.limit
    is_clean = not (is_full or state.is_doubted or state.has_ghosts)
    return End.PROVEN if is_short and is_clean else End.DOUBTFUL


def _is_short(page: WindowPage, sizes: PageSizes) -> bool:
    """Whether a page had room for rows that did not come, and no cap can have taken it."""
    room = min(LEAST_CAP, page.window.limit)
    return page.length < room and page.window.limit <= max(LEAST_CAP, sizes.served)


def claims_more(page: WindowPage, sizes: PageSizes) -> bool:
    """Whether something beside `next` says that rows follow those that the page had room for."""
    if page.more:
        return True
    room = page.window.end if page.window.limit <= sizes.served else page.visible_end
    return page.total is not None and page.total > max(room, page.visible_end)
