"""Reversible and irreversible mixing of small integers: the source of every made-up value."""

from __future__ import annotations

__all__ = ["mix", "scramble", "unscramble"]

MASK = (1 << 64) - 1
ODD = 0x9E3779B1
INVERSE = pow(ODD, -1, 1 << 32)


def mix(salt: int, number: int) -> int:
    """Turn two integers into 64 bits that look random, the same every time."""
    value = (salt + (number + 1) * 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def scramble(number: int, salt: int) -> int:
    """Map 32 bits onto 32 bits, one to one."""
    return ((number + salt) * ODD) & 0xFFFFFFFF


def unscramble(number: int, salt: int) -> int:
    """Undo `scramble`."""
    return (number * INVERSE - salt) & 0xFFFFFFFF
