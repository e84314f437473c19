"""Column names that every warehouse takes."""

import re
from collections.abc import Iterable

__all__ = ["safe_names"]

UNSAFE = re.compile(r"[^A-Za-z0-9_]+")
LONGEST = 120


def safe_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of letters, digits and underscores, none beginning with a digit.

    `properties.$os` becomes `properties_os`. Names that would be the same, whatever their case, are
    numbered: `a_b`, `a_b_2`.
    """
    taken = set[str]()
    return tuple(_unused(_safe(name), taken) for name in names)


def _safe(name: str) -> str:
    safe = UNSAFE.sub("_", name)[:LONGEST].strip("_") or "column"
    # What begins with an underscore keeps one: `_rest`.
    return f"_{safe}" if name.startswith("_") or safe[0].isdigit() else safe


def _unused(name: str, taken: set[str]) -> str:
    number, chosen = 1, name
    while chosen.lower() in taken:
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen.lower())
    return chosen
