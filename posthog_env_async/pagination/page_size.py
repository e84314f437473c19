"""How many rows to ask for at once."""

from typing import Literal

import attrs

from posthog_env_async.errors import ConfigurationError

__all__ = ["PageSize", "PageSizes", "checked_page_size"]

PageSize = int | Literal["auto"]

AUTO_START = 1000
AUTO_LEAST = 50
FAST = 2.0
SMALL = 8 << 20


def checked_page_size(page_size: object, most: int, *, auto: bool = False) -> None:
    """Check a page size.

    Raises:
        ConfigurationError: for another than 1 to `most`, or `"auto"` where that goes; the server
            takes 0 for 100 and cuts large pages in silence (docs/server.md, Paging).
    """
    if auto and page_size == "auto":
        return
    if isinstance(page_size, bool) or not isinstance(page_size, int) or not 1 <= page_size <= most:
        or_auto = ", or 'auto'" if auto else ""
        raise ConfigurationError(f"page_size must be a whole number from 1 to {most}{or_auto}")


@attrs.define
class PageSizes:
    """The size to plan with: fixed, or growing while answers are fast and small."""

    asked: PageSize
    most: int
    size: int = attrs.field(init=False)
    used: list[int] = attrs.field(factory=list[int], init=False)

    def __attrs_post_init__(self) -> None:
        self.size = min(AUTO_START, self.most) if self.asked == "auto" else self.asked

    @property
    def is_auto(self) -> bool:
        """Whether the size may change."""
        return self.asked == "auto"

    def note(self, size: int) -> None:
        """Note a size that was asked for."""
        if not self.used or self.used[-1] != size:
            self.used.append(size)

    def answered(self, asked: int, seconds: float, size: int) -> None:
        """Grow after an answer that was fast and small enough."""
        if self.is_auto and asked >= self.size and seconds < FAST and size < SMALL:
            self.size = min(self.size * 2, self.most)

    def may_shrink(self, asked: int) -> bool:
        """Whether fewer than `asked` rows may be asked for."""
        return self.is_auto and asked > AUTO_LEAST

    def shrink(self, asked: int) -> bool:
        """Shrink after a failure of `asked` rows, for good; false at the least size."""
        if not self.may_shrink(asked):
            return False
        self.most = max(AUTO_LEAST, asked // 2)
        self.size = min(self.size, self.most)
        return True
