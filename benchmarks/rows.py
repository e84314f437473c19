"""Persons as the server writes them: any window of a set of any size, from templates."""

from datetime import UTC, datetime, timedelta

from .shapes import template

__all__ = ["VARIANTS", "Rows", "created_at", "email", "uuid"]

VARIANTS = 500
_NEWEST = datetime(2026, 9, 1, 12, tzinfo=UTC)


def uuid(index: int) -> str:
    """Give the uuid of one person: UUIDv7 in shape, different for every index."""
    return f"018f3c1e-{index >> 12 & 0xFFFF:04x}-7{index & 0xFFF:03x}-9a11-{index:012x}"


def email(index: int) -> str:
    """Give the e-mail address of one person, the property that the clients touch."""
    return f"user{index:07d}@example.com"


def created_at(index: int) -> str:
    """Give the creation time: the set is listed newest first (docs/server.md, Paging)."""
    moment = _NEWEST - timedelta(seconds=37 * index, microseconds=index % 999_983)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Rows:
    """A set of `total` persons of about `size` bytes of JSON each."""

    def __init__(self, total: int, *, size: int, shape: str = "short") -> None:
        self.total = total
        self._templates = [template(shape, variant, size, _growth()) for variant in range(VARIANTS)]

    def window(self, offset: int, limit: int) -> tuple[bytes, int]:
        """Give the rows of one window, joined by commas, and how many they are."""
        indexes = range(offset, min(offset + limit, self.total))
        return b",".join([self._row(index) for index in indexes]), len(indexes)

    def _row(self, index: int) -> bytes:
        key, address = uuid(index).encode(), email(index).encode()
        return self._templates[index % VARIANTS] % (
            key,
            key,
            created_at(index).encode(),
            address,
            address,
            key,
        )


def _growth() -> int:
    """Count the bytes by which a filled row is longer than its template."""
    filled = 3 * len(uuid(0)) + len(created_at(0)) + 2 * len(email(0))
    return filled - 6 * len("\\u0000")
