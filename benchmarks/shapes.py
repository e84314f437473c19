"""What the persons of a set look like: the ratios depend on it."""

import json
from typing import Any

__all__ = ["HOLE", "SHAPES", "row_text", "template"]

HOLE = "\x00"
SHAPES = (
    "short",
    "long",
    "nested",
    "ids",
    "unknown-every",
    "unknown-one",
    "surrogate-one",
    "nan-one",
)
"""Many short properties of mixed types; of 75 bytes, some with letters that are not ASCII; nested
objects; 100 distinct ids; and short ones with something odd in every row, or in one of a page."""

_CITIES = ("Zürich", "Oslo", "São Paulo", "Leeds", "Kyoto", "Austin", "Gdańsk", "Porto")
_BROWSERS = ("Chrome", "Safari", "Firefox", "Edge")
_ODD = {
    "surrogate-one": ',"odd":"\\ud800"',
    "nan-one": ',"odd":NaN',
}


def template(shape: str, variant: int, size: int, growth: int) -> bytes:
    """Make the row of one variant, `size` bytes when its holes are filled, `growth` bytes more."""
    make = {"long": _long, "nested": _nested}.get(shape, _short)
    properties: dict[str, Any] = {"email": HOLE}
    number = 0
    while len(row_text(shape, properties).encode()) < size - 80 - growth:
        properties |= make(variant, number)
        number += 1
    missing = size - growth - len(row_text(shape, properties).encode()) - len(',"note":""')
    properties["note"] = "n" * max(missing, 0)
    text = _with_odd(shape, variant, row_text(shape, properties))
    return text.replace("%", "%%").replace("\\u0000", "%b").encode()


def _with_odd(shape: str, variant: int, text: str) -> str:
    if shape == "unknown-every" or (shape == "unknown-one" and not variant):
        return text[:-1] + ',"brand_new":{"level":1}}'
    if shape in _ODD and not variant:
        email = '"email":"\\u0000"'
        return text.replace(email, email + _ODD[shape], 1)
    return text


def row_text(shape: str, properties: dict[str, Any]) -> str:
    """Return a row as the server writes it, with holes."""
    ids = [f"device-{number:04}" for number in range(99)] if shape == "ids" else []
    row = {
        "type": "person",
        "id": HOLE,
        "uuid": HOLE,
        "created_at": HOLE,
        "last_seen_at": "2026-09-01T22:00:00Z",
        "properties": properties,
        "is_identified": True,
        "name": HOLE,
        "distinct_ids": [HOLE, *ids],
        "matched_recordings": [],
        "value_at_data_point": None,
    }
    # DRF writes compact JSON in UTF-8; the holes stay escaped and so can be found again.
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def _mixed(variant: int, number: int) -> int:
    return (variant * 2_654_435_761 + number * 40_503) & 0xFFFFFFFF


def _long(variant: int, number: int) -> dict[str, Any]:
    """Make a property of about 75 bytes, every fifth with a few letters that are not ASCII."""
    mixed = _mixed(variant, number)
    tail = _CITIES[mixed % 8] if number % 5 == 0 else "plain text"
    return {f"property_{number}": f"{mixed:08x} seen on the page of prices and plans {tail}"}


def _nested(variant: int, number: int) -> dict[str, Any]:
    """Make a property that is an object of objects and lists."""
    mixed = _mixed(variant, number)
    inner = {"id": mixed % 10_000, "tags": ["a", "b", {"weight": mixed % 97 / 10}], "on": True}
    return {f"group_{number}": {"name": f"Company {mixed % 997}", "plan": {"seats": 25, **inner}}}


def _short(variant: int, number: int) -> dict[str, Any]:
    """Make one property: the mix of names and values that PostHog's own SDKs set."""
    turn, seed = divmod(number, 12)
    tag = f"_{turn}" if turn else ""
    mixed = _mixed(variant, number)
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
