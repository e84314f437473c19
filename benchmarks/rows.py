"""Persons as the server writes them: any window of a set of any size, from templates."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["VARIANTS", "Rows", "created_at", "email", "uuid"]

VARIANTS = 500
_NEWEST = datetime(2026, 9, 1, 12, tzinfo=UTC)
_CITIES = ("Zürich", "Oslo", "São Paulo", "Leeds", "Kyoto", "Austin", "Gdańsk", "Porto")
_BROWSERS = ("Chrome", "Safari", "Firefox", "Edge")
_HOLE = "\x00"


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

    def __init__(self, total: int, *, size: int) -> None:
        self.total = total
        self._templates = [_template(variant, size) for variant in range(VARIANTS)]

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


def _template(variant: int, size: int) -> bytes:
    properties: dict[str, Any] = {"email": _HOLE}
    number = 0
    while len(_row_text(properties).encode()) < size - 80 - _growth():
        properties |= _property(variant, number)
        number += 1
    missing = size - _growth() - len(_row_text(properties).encode()) - len(',"note":""')
    properties["note"] = "n" * max(missing, 0)
    return _row_text(properties).replace("%", "%%").replace("\\u0000", "%b").encode()


def _growth() -> int:
    """Count the bytes by which a filled row is longer than its template."""
    filled = 3 * len(uuid(0)) + len(created_at(0)) + 2 * len(email(0))
    return filled - 6 * len("\\u0000")


def _row_text(properties: dict[str, Any]) -> str:
    row = {
        "type": "person",
        "id": _HOLE,
        "uuid": _HOLE,
        "created_at": _HOLE,
        "last_seen_at": "2026-09-01T22:00:00Z",
        "properties": properties,
        "is_identified": True,
        "name": _HOLE,
        "distinct_ids": [_HOLE],
        "matched_recordings": [],
        "value_at_data_point": None,
    }
    # DRF writes compact JSON in UTF-8; the holes stay escaped and so can be found again.
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def _property(variant: int, number: int) -> dict[str, Any]:
    """Make one property: the mix of names and values that PostHog's own SDKs set."""
    turn, seed = divmod(number, 12)
    tag = f"_{turn}" if turn else ""
    mixed = (variant * 2_654_435_761 + number * 40_503) & 0xFFFFFFFF
    return (
        {f"plan{tag}": ("free", "scale", "enterprise")[mixed % 3]},
        {f"$browser{tag}": _BROWSERS[mixed % 4]},
        {f"$initial_current_url{tag}": f"https://app.example.com/p/{mixed:08x}?ref=mail"},
        {f"$browser_version{tag}": 100 + mixed % 40},
        {f"is_admin{tag}": bool(mixed & 1)},
        {f"mrr{tag}": mixed % 100_000 / 100},
        {f"$geoip_city_name{tag}": _CITIES[mixed % 8]},
        {f"$initial_referring_domain{tag}": None if mixed & 2 else "www.google.com"},
        {f"$feature/flag-{mixed % 97}{tag}": bool(mixed & 4)},
        {f"company{tag}": {"id": mixed % 10_000, "name": f"Company {mixed % 997}", "seats": 25}},
        {f"roles{tag}": ["viewer", "editor", "owner"][: 1 + mixed % 3]},
        {f"$os{tag}": ("Mac OS X", "Windows", "Linux", "iOS")[mixed >> 4 & 3]},
    )[seed]
