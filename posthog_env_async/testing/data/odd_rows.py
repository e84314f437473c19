"""Persons of every odd kind that docs/server.md names: what a client must survive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["ODD_KINDS", "make_odd"]

Row = dict[str, Any]


def _null_name(row: Row, number: int) -> None:
    row["name"] = None


def _numeric_name(row: Row, number: int) -> None:
    row["name"] = number


def _boolean_name(row: Row, number: int) -> None:
    row["name"] = True


def _null_properties(row: Row, number: int) -> None:
    row["properties"] = None


def _null_created_at(row: Row, number: int) -> None:
    row["created_at"] = None


def _no_fraction(row: Row, number: int) -> None:
    row["created_at"] = row["created_at"][:19] + "Z"


def _offset_time(row: Row, number: int) -> None:
    row["created_at"] = row["created_at"].removesuffix("Z") + "+00:00"


def _huge_integer(row: Row, number: int) -> None:
    row["properties"]["huge"] = 2**64 + number
    row["properties"]["wide"] = 2**63 + number


def _lone_surrogate(row: Row, number: int) -> None:
    row["properties"]["nickname"] = "\ud800"


def _unknown_fields(row: Row, number: int) -> None:
    row["brand_new"] = {"level": [number, None]}


def _integer_id(row: Row, number: int) -> None:
    row["id"] = number


def _null_last_seen(row: Row, number: int) -> None:
    row["last_seen_at"] = None


def _no_last_seen(row: Row, number: int) -> None:
    row.pop("last_seen_at", None)


def _no_distinct_ids(row: Row, number: int) -> None:
    row["distinct_ids"] = []


def _many_distinct_ids(row: Row, number: int) -> None:
    row["distinct_ids"] += [f"user-{number}-{place}" for place in range(998)]


def _any_properties(row: Row, number: int) -> None:
    row["properties"] |= {
        "": "",
        "$set": {"deep": [[{"deeper": None}]]},
        "cost::nan!": "NaN",
        "cost": None,
        "greeting": "grüße, 世界 \U0001f44b \u2028 \u0000",
    }


def _bare_person(row: Row, number: int) -> None:
    row["id"] = None
    row["name"] = None
    row["created_at"] = None
    for name in ("type", "is_identified", "matched_recordings", "value_at_data_point"):
        del row[name]


ODD_KINDS: tuple[Callable[[Row, int], None], ...] = (
    _null_name,
    _numeric_name,
    _boolean_name,
    _null_properties,
    _null_created_at,
    _no_fraction,
    _offset_time,
    _huge_integer,
    _lone_surrogate,
    _unknown_fields,
    _integer_id,
    _null_last_seen,
    _no_last_seen,
    _no_distinct_ids,
    _many_distinct_ids,
    _any_properties,
    _bare_person,
)


def make_odd(row: Row, kind: int, number: int) -> None:
    """Turn a plain row into an odd one; the kinds go round."""
    ODD_KINDS[kind % len(ODD_KINDS)](row, number)
