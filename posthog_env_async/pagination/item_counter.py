"""How many items were given, by this run and those before it, and how many may be."""

import attrs

from .resume_token import Token

__all__ = ["ItemCounter"]


@attrs.define
class ItemCounter:
    """Counts the items of a run; `most` is for all runs that go on from each other."""

    before: int
    most: int | None
    items: int = 0

    @classmethod
    def of(cls, resume: Token | None, most: int | None) -> "ItemCounter":
        """Begin to count where a token stands."""
        return cls(0 if resume is None else resume.items, most)

    @property
    def total(self) -> int:
        """The items of all runs."""
        return self.before + self.items

    @property
    def left(self) -> int | None:
        """How many more may be given; `None` for as many as there are."""
        return None if self.most is None else max(0, self.most - self.total)
