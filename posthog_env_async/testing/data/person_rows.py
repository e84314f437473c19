"""Persons as the server's list shows them, made up from a seed (docs/server.md, Persons list)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import attrs

from posthog_env_async.testing.http.response import encode

from .hashing import mix
from .odd_rows import make_odd
from .population import Population

__all__ = ["PersonRows", "dashed", "iso", "pad"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (
    "ada",
    "alan",
    "barbara",
    "donald",
    "edsger",
    "frances",
    "grace",
    "ken",
    "niklaus",
    "radia",
)
LAST = (
    "allen",
    "dijkstra",
    "hopper",
    "knuth",
    "liskov",
    "lovelace",
    "perlman",
    "thompson",
    "turing",
)
DOMAINS = ("example.com", "example.org", "example.net")
PLANS = ("free", "scale", "enterprise", "startup")
COUNTRIES = ("DE", "FR", "GB", "JP", "US")
BROWSERS = ("Chrome", "Firefox", "Safari", "Edge")
OWN_NUMBER = re.compile(r"user-(\d+)(?:-\d+)?")
ANONYMOUS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-anon")
FILLER = "".join(f"{mix(0xF111E2, number):016x}" for number in range(8192))


def iso(microseconds: int) -> str:
    """Write microseconds since 1970 as the server writes times: the fraction may be missing."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    minute, second = divmod(seconds, 60)
    if fraction:
        return f"{_minute(minute)}{second:02d}.{fraction:06d}Z"
    return f"{_minute(minute)}{second:02d}Z"


@lru_cache(maxsize=1024)
def _minute(minutes: int) -> str:
    return (EPOCH + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:")


def dashed(uuid: int) -> str:
    """Write a uuid, faster than `UUID` does."""
    text = f"{uuid:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@attrs.define
class PersonRows:
    """Make the rows of a project, by key."""

    population: Population
    odd: bool = False
    person_bytes: int | None = None
    last_seen: bool = True
    skew: float = 0.0
    _pad: int = attrs.field(default=0, init=False)
    _owners: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    def __attrs_post_init__(self) -> None:
        if self.person_bytes is not None:
            natural = len(encode(self.row(0)))
            self._pad = max(0, self.person_bytes - natural - len('"padding":"",'))

    def encoded(self, key: int) -> bytes:
        """Give a row of the list as JSON."""
        return encode(self.row(key))

    def row(self, key: int) -> dict[str, Any]:
        """Give a row of the list."""
        row = self._plain(key)
        given = self.population.given.get(key)
        if self.odd and key % 5 == 3 and (given is None or key >= 0):
            make_odd(row, key // 5, self.population.number(key))
        return row if given is None else row | given

    def single(self, key: int) -> dict[str, Any]:
        """Give a person as retrieve shows it: the `id` is an integer here.

        See docs/server.md, Retrieve.
        """
        row = self.row(key)
        kept = ("name", "distinct_ids", "properties", "created_at", "uuid", "last_seen_at")
        return {"id": self.number(key)} | {name: row[name] for name in kept if name in row}

    def properties(self, key: int) -> dict[str, Any]:
        """Give the properties of a person; none for null."""
        found: dict[str, Any] | None = self.row(key)["properties"]
        return found or {}

    def number(self, key: int) -> int:
        """Give the integer id of a person."""
        return self.population.number(key)

    def give(self, key: int, fields: dict[str, Any]) -> None:
        """Give fields of one's own to a person, and make its distinct ids known."""
        given = self.population.given
        given[key] = given.get(key, {}) | fields
        self._owners |= dict.fromkeys(fields.get("distinct_ids") or (), key)

    def find_distinct_id(self, text: str) -> int | None:
        """Find the key of the living person that has a distinct id."""
        for key in (self._owners.get(text), self._made_up_owner(text)):
            if key is not None and self._has(key, text):
                return key
        return None

    def _has(self, key: int, text: str) -> bool:
        population = self.population
        living = population.alive(key) and not population.is_orphan(key)
        return living and text in self.row(key)["distinct_ids"]

    def _made_up_owner(self, text: str) -> int | None:
        named, anonymous = OWN_NUMBER.fullmatch(text), ANONYMOUS.fullmatch(text)
        if named is not None:
            return self.population.from_number(int(named[1]))
        return None if anonymous is None else self.population.find(UUID(anonymous[1]))

    def _plain(self, key: int) -> dict[str, Any]:
        dice = mix(self.population.salt, key)
        uuid = dashed(self.population.uuid_number(key))
        created = self._shown_time(key)
        number = self.population.number(key)
        properties, distinct_id = self._properties(dice, number)
        row: dict[str, Any] = {
            "type": "person",
            "id": uuid,
            "uuid": uuid,
            "created_at": iso(created),
            "last_seen_at": iso(created - created % 3_600_000_000 + 7_200_000_000),
            "properties": properties,
            "is_identified": True,
            "name": properties.get("email") or properties.get("name") or distinct_id,
            "distinct_ids": [distinct_id, f"{uuid}-anon"],
            "matched_recordings": [],
            "value_at_data_point": None,
        }
        if not self.last_seen:
            del row["last_seen_at"]
        return row

    def _shown_time(self, key: int) -> int:
        """Give the time that Postgres has; the one that sorts may differ by some seconds."""
        created = self.population.created(key)
        dice = mix(self.population.salt ^ 0x5CE, key)
        if not self.skew or dice >= self.skew * (1 << 64):
            return created
        return created + dice % 20_000_000 - 10_000_000

    def _properties(self, dice: int, number: int) -> tuple[dict[str, Any], str]:
        first, last = FIRST[dice % 10], LAST[(dice >> 8) % 9]
        properties: dict[str, Any] = {
            "email": f"{first}.{last}.{number}@{DOMAINS[(dice >> 16) % 3]}",
            "name": f"{first.title()} {last.title()}",
            "plan": PLANS[(dice >> 24) % 4],
            "visits": (dice >> 32) % 1000,
            "score": ((dice >> 40) % 1000) / 8,
            "beta": bool(dice >> 63),
            "$browser": BROWSERS[(dice >> 50) % 4],
            "$geoip_country_code": COUNTRIES[(dice >> 54) % 5],
        }
        if self._pad:
            start = dice % (len(FILLER) // 2)
            properties["padding"] = pad(start, self._pad)
        return properties, f"user-{number}"


def pad(start: int, size: int) -> str:
    """Cut a text of a size from the filler; it goes round when the size is large."""
    if size <= len(FILLER) // 2:
        return FILLER[start : start + size]
    return (FILLER[start:] + FILLER * (size // len(FILLER) + 1))[:size]
