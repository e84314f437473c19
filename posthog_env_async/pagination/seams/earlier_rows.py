"""The rows that earlier runs handed out, as far as a token names them."""

from collections.abc import Sequence

import attrs

from posthog_env_async.pagination.resume_token import DIGEST_BYTES, UNTIMED, Token, mark

__all__ = ["EarlierRows"]


@attrs.frozen
class EarlierRows:
    """The rows of earlier runs.

    `tail` has the digest and the time mark of the last ones, the last one first. `handed` are
    digests of others that may come again, `passed` of some that lie in front by now, and are named
    in case that they move. Any without a name is not older than `front`, in milliseconds.
    """

    tail: dict[bytes, bytes]
    handed: frozenset[bytes]
    passed: dict[bytes, None] = attrs.field(factory=dict[bytes, None])
    front: int | None = None
    deepest: int | None = None

    @classmethod
    def of(cls, token: Token) -> "EarlierRows":
        """Take the rows from a token."""
        tail = {row[:DIGEST_BYTES]: row[DIGEST_BYTES:] for row in token.tail}
        return cls(
            tail, frozenset(token.handed), dict.fromkeys(token.passed), token.front, token.deepest
        )

    @property
    def marks(self) -> list[bytes]:
        """The last rows, as a token marks them."""
        return [name + time for name, time in self.tail.items()]

    def knows(self, name: bytes) -> bool:
        """Whether a row was handed out."""
        return name in self.tail or name in self.handed or name in self.passed

    def is_unmoved(self, name: bytes, created: int | None) -> bool | None:
        """Whether a row shows the time it showed before; `None` where that is not known."""
        before = self.tail.get(name, UNTIMED)
        return None if before == UNTIMED else mark("", created, is_timed=True)[-2:] == before

    def after(self, names: Sequence[bytes]) -> "EarlierRows":
        """Return the rows that may still come behind a page that shows rows of these names.

        Those that stand in front of one that came lie in front of the page as well.
        """
        met = {name for name in names if self.knows(name)}
        if not met:
            return self
        order = list(self.tail)
        reached = next((place for place, name in enumerate(order) if name in met), len(order))
        ahead = {name: self.tail[name] for name in order[:reached]}
        behind = [name for name in (*order[reached:], *self.handed) if name in met]
        passed = dict.fromkeys((*behind, *order[reached:], *self.passed))
        return attrs.evolve(self, tail=ahead, handed=self.handed - met, passed=passed)

    def behind(self, created: int | None) -> "EarlierRows":
        """Return the rows that may still come behind a page whose last rows were made then."""
        if created is None or self.deepest is None or created >= self.deepest:
            return self
        passed = dict.fromkeys((*self.tail, *self.handed, *self.passed))
        return attrs.evolve(self, tail={}, handed=frozenset(), passed=passed)
