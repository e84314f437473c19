"""Persons of every odd kind that SERVER.md names: what a client must survive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["ODD_KINDS", "make_odd"]

Row = dict[str, Any]


def null_name(row: Row, number: int) -> None:
    row["name"] = None


def numeric_name(row: Row, number: int) -> None:
    row["name"] = number


def boolean_name(row: Row, number: int) -> None:
    row["name"] = True


def null_properties(row: Row, number: int) -> None:
    row["properties"] = None


def null_created_at(row: Row, number: int) -> None:
    row["created_at"] = None


def no_fraction(row: Row, number: int) -> None:
    row["created_at"] = row["created_at"][:19] + "Z"


def offset_time(row: Row, number: int) -> None:
    row["created_at"] = row["created_at"].removesuffix("Z") + "+00:00"


def huge_integer(row: Row, number: int) -> None:
    row["properties"]["huge"] = 2**64 + number
    row["properties"]["wide"] = 2**63 + number


def lone_surrogate(row: Row, number: int) -> None:
    row["properties"]["nickname"] = "\ud800"


def unknown_fields(row: Row, number: int) -> None:
    row["brand_new"] = {"level": [number, None]}


def integer_id(row: Row, number: int) -> None:
    row["id"] = number


def null_last_seen(row: Row, number: int) -> None:
    row["last_seen_at"] = None


def no_last_seen(row: Row, number: int) -> None:
    row.pop("last_seen_at", None)


def no_distinct_ids(row: Row, number: int) -> None:
    row["distinct_ids"] = []


def many_distinct_ids(row: Row, number: int) -> None:
    row["distinct_ids"] += [f"user-{number}-{place}" for place in range(998)]


def any_properties(row: Row, number: int) -> None:
    row["properties"] |= {
        "": "",
        "$set": {"deep": [[{"deeper": None}]]},
        "cost::nan!": "NaN",
        "cost": None,
        "greeting": "grüße, 世界 \U0001f44b \u2028 \u0000",
    }


def bare_person(row: Row, number: int) -> None:
    row["id"] = None
    row["name"] = None
    row["created_at"] = None
    for name in ("type", "is_identified", "matched_recordings", "value_at_data_point"):
        del row[name]


ODD_KINDS: tuple[Callable[[Row, int], None], ...] = (
    null_name,
    numeric_name,
    boolean_name,
    null_properties,
    null_created_at,
    no_fraction,
    offset_time,
    huge_integer,
    lone_surrogate,
    unknown_fields,
    integer_id,
    null_last_seen,
    no_last_seen,
    no_distinct_ids,
    many_distinct_ids,
    any_properties,
    bare_person,
)


def make_odd(row: Row, kind: int, number: int) -> None:
    """Turn a plain row into an odd one; the kinds go round."""
    ODD_KINDS[kind % len(ODD_KINDS)](row, number)
