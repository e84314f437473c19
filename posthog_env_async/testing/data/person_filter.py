"""Which persons a list request means: email, search, properties, ….

See docs/server.md, Persons list and Filters.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs
import msgspec

from posthog_env_async.testing.http.errors import invalid, server_error
from posthog_env_async.testing.http.shapes import is_list, is_object

from .operators import MISSING, OPERATORS, holds
from .person_rows import PersonRows

__all__ = ["PersonFilter", "Scans", "parse_filter"]

LEAF_KEYS = frozenset({"key", "value", "operator", "type", "label"})
OWN_NUMBER = re.compile(r"user-(\d+)(?:-\d+)?|[a-z]+\.[a-z]+\.(\d+)@.*")
ANONYMOUS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-anon")
BREATH = 2000
KEPT_SCANS = 32


@attrs.frozen(kw_only=True)
class PersonFilter:
    """Hold the filters of one request; all of them must hold."""

    email: str = ""
    distinct_id: str = ""
    search: str = ""
    properties: str = ""
    old: bool = False
    _tree: Any = attrs.field(default=None, eq=False, alias="tree")

    def __bool__(self) -> bool:
        return bool(self.email or self.distinct_id or self.search or self._tree)

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row of the list is meant."""
        properties: dict[str, Any] = row["properties"] or {}
        if self.email and properties.get("email") != self.email:
            return False
        if self.distinct_id and self.distinct_id not in row["distinct_ids"]:
            return False
        if self.search and not self._found(row, properties):
            return False
        return not self._tree or _holds(self._tree, properties)

    def _found(self, row: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
        needle = self.search.lower()
        if self.old:
            email = str(properties.get("email", "")).lower()
            return needle in email or self.search in row["distinct_ids"]
        named = (properties.get("email"), properties.get("name"), row["uuid"])
        return any(needle in str(text).lower() for text in (*named, *row["distinct_ids"]))


def parse_filter(query: Mapping[str, str], *, old: bool) -> PersonFilter:
    """Read the filters of a query, or refuse as the server does."""
    properties = query.get("properties", "")
    return PersonFilter(
        email=query.get("email", ""),
        distinct_id=query.get("distinct_id", ""),
        search=query.get("search", "").strip(),
        properties=properties,
        old=old,
        tree=_parse_properties(properties, old=old),
    )


def _parse_properties(text: str, *, old: bool) -> Any:
    if not text:
        return None
    try:
        parsed = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise invalid("invalid_input", "Properties are unparsable!") from None
    if not _valid(parsed, groups=old):
        raise server_error()
    return parsed


def _valid(parsed: Any, *, groups: bool) -> bool:
    if is_list(parsed):
        return all(is_object(leaf) and _valid_leaf(leaf, groups=groups) for leaf in parsed)
    return groups and is_object(parsed) and _valid_leaf(parsed, groups=groups)


def _valid_leaf(leaf: dict[str, Any], *, groups: bool) -> bool:
    if groups and leaf.get("type") in ("AND", "OR"):
        return _valid(leaf.get("values"), groups=True)
    known = leaf.keys() <= LEAF_KEYS and "key" in leaf
    person = leaf.get("type", "person") == "person"
    return known and person and leaf.get("operator", "exact") in OPERATORS


def _holds(tree: Any, properties: Mapping[str, Any]) -> bool:
    if is_list(tree):
        return all(_holds(leaf, properties) for leaf in tree)
    if "values" in tree:
        results = [_holds(leaf, properties) for leaf in tree["values"]]
        return all(results) if tree["type"] == "AND" else any(results)
    actual = properties.get(tree["key"], MISSING)
    return holds(tree.get("operator") or "exact", actual, tree.get("value"))


@attrs.define
class Scans:
    """Find the keys that a filter means; what the persons of the start say is remembered."""

    rows: PersonRows
    _kept: dict[PersonFilter, list[int]] = attrs.field(
        factory=dict[PersonFilter, list[int]], init=False
    )

    async def keys(self, wanted: PersonFilter) -> list[int]:
        """List the keys in the order of the query."""
        base = self._kept.get(wanted)
        if base is None:
            base = await self._scan(wanted)
            if len(self._kept) >= KEPT_SCANS:
                self._kept.clear()
            self._kept[wanted] = base
        population = self.rows.population
        edited = {key for key in population.given if key >= 0}
        living = [key for key in base if population.alive(key) and key not in edited]
        candidates = [*population.extras(), *filter(population.alive, edited)]
        others = [key for key in candidates if wanted.matches(self.rows.row(key))]
        return sorted(living + others, key=population.order) if others else living

    async def _scan(self, wanted: PersonFilter) -> list[int]:
        found: list[int] = []
        for place, key in enumerate(self._candidates(wanted)):
            if place % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            if wanted.matches(self.rows.row(key)):
                found.append(key)
        return found

    def _candidates(self, wanted: PersonFilter) -> range | list[int]:
        """Narrow the scan: e-mails and distinct ids that were made up tell whose they are."""
        population = self.rows.population
        exact = wanted.distinct_id or wanted.email
        if not exact:
            return range(population.total)
        named, anonymous = OWN_NUMBER.fullmatch(exact), ANONYMOUS.fullmatch(exact)
        key = None
        if named is not None:
            key = population.total - int(named[1] or named[2])
        elif anonymous is not None:
            key = population.find(UUID(anonymous[1]))
        return [] if key is None or not 0 <= key < population.total else [key]
