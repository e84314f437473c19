"""Reading a logs query: what is refused, and how (docs/server.md, Logs)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import msgspec

from posthog_env_async.testing.data.operators import MISSING, OPERATORS, holds
from posthog_env_async.testing.http.errors import hog, server_error
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import RefusedError, json_answer
from posthog_env_async.testing.http.shapes import is_list, is_object
from posthog_env_async.testing.server_state import Version

from .rows import SEVERITIES

__all__ = ["LogQuery", "decode_cursor", "encode_cursor", "parse_given", "parse_query"]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
RELATIVE = re.compile(r"^-(\d+)([smhdw])$")
DEFAULT_LIMIT, MAX_LIMIT, MAX_COLUMNS = 1000, 2000, 10
LEAF_TYPES = {
    "log": "",
    "log_attribute": "attributes",
    "log_resource_attribute": "resource_attributes",
}
Cursor = tuple[int, int]


@attrs.frozen(kw_only=True)
class LogQuery:
    """Hold a query that was understood; times in microseconds."""

    start: int
    end: int
    limit: int
    latest: bool
    after: Cursor | None
    severities: frozenset[str]
    services: frozenset[str]
    search: str
    leaves: Any
    bare: bool

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Tell whether an entry is meant."""
        if self.severities and row["level"] not in self.severities:
            return False
        if self.services and row["resource_attributes"]["service.name"] not in self.services:
            return False
        if self.search and self.search not in row["body"].lower():
            return False
        return _holds(self.leaves, row)


def parse_query(call: Request, *, version: Version, now: int) -> tuple[LogQuery, Any]:
    """Read the body, or refuse; the second value is the query as sent."""
    query = _unwrapped(call, version)
    return parse_given(query, version=version, now=now), query


def parse_given(query: Mapping[str, Any], *, version: Version, now: int) -> LogQuery:
    """Read a query, or refuse."""
    dates = query.get("dateRange")
    if not is_object(dates):
        raise _unreadable("JSON parse error - dateRange is missing")
    if not _well_formed(query, version):
        raise server_error()
    if len(query.get("customColumns") or ()) > MAX_COLUMNS:
        text = f"Too many custom columns: at most {MAX_COLUMNS}."
        raise RefusedError(json_answer({"error": text}, status=400))
    return LogQuery(
        start=_moment(dates.get("date_from"), now, now - 3_600_000_000),
        end=_moment(dates.get("date_to"), now, now),
        limit=min(query.get("limit", DEFAULT_LIMIT), MAX_LIMIT),
        latest=query.get("orderBy") != "earliest",
        after=decode_cursor(query.get("after")) if version == "new" else None,
        severities=frozenset(query.get("severityLevels", ())),
        services=frozenset(query.get("serviceNames", ())),
        search=(query.get("searchTerm") or "").lower(),
        leaves=query.get("filterGroup") or [],
        bare=query.get("excludeAttributes") is True,
    )


def encode_cursor(when: str, uuid: str) -> str:
    """Write the cursor that names the last row of a page."""
    return base64.b64encode(msgspec.json.encode({"timestamp": when, "uuid": uuid})).decode()


def decode_cursor(text: Any) -> Cursor | None:
    """Read a cursor; one that makes no sense is ignored in silence (docs/server.md, Logs)."""
    try:
        held = msgspec.json.decode(base64.b64decode(text, validate=True))
        return _microseconds(held["timestamp"]), int(held["uuid"].replace("-", ""), 16)
    except (ValueError, TypeError, KeyError, AttributeError, msgspec.DecodeError):
        return None


def _unwrapped(call: Request, version: Version) -> dict[str, Any]:
    data = call.data()
    query = data.get("query") if is_object(data) else None
    if query is None:
        raise RefusedError(json_answer({"error": "No query provided"}, status=400))
    if not is_object(query):
        raise server_error() if version == "old" else _unreadable("query must be an object")
    return query


def _unreadable(detail: str) -> RefusedError:
    return hog(400, "invalid_request", "parse_error", detail)


def _well_formed(query: Mapping[str, Any], version: Version) -> bool:
    severities, services = query.get("severityLevels", []), query.get("serviceNames", [])
    limit = query.get("limit", DEFAULT_LIMIT)
    lists = is_list(severities) and is_list(services)
    return (
        lists
        and all(level in SEVERITIES for level in severities)
        and isinstance(limit, int)
        and limit > 0
        and _valid_group(query.get("filterGroup"), version)
    )


def _valid_group(group: Any, version: Version) -> bool:
    if is_list(group):
        return version == "new" and all(_valid_leaf(leaf) for leaf in group)
    if not group:
        return True
    if not is_object(group) or not _is_group(group):
        return False
    return all(_valid_inner(inner, version) for inner in group["values"])


def _valid_inner(inner: Any, version: Version) -> bool:
    if is_object(inner) and _is_group(inner):
        return all(_valid_leaf(leaf) for leaf in inner["values"])
    return version == "new" and _valid_leaf(inner)


def _is_group(value: Mapping[str, Any]) -> bool:
    return value.get("type") in ("AND", "OR") and isinstance(value.get("values"), list)


def _valid_leaf(leaf: Any) -> bool:
    if not is_object(leaf):
        return False
    return leaf.get("type") in LEAF_TYPES and "key" in leaf and leaf.get("operator") in OPERATORS


def _holds(node: Any, row: Mapping[str, Any]) -> bool:
    if is_list(node):
        return all(_holds(leaf, row) for leaf in node)
    if "values" in node:
        results = [_holds(leaf, row) for leaf in node["values"]]
        return any(results) if node["type"] == "OR" and results else all(results)
    place = LEAF_TYPES[node["type"]]
    actual = row[place].get(node["key"], MISSING) if place else row["body"]
    return holds(node["operator"], actual, node.get("value"))


def _moment(text: Any, now: int, default: int) -> int:
    if not text:
        return default
    relative = RELATIVE.match(str(text))
    if relative is not None:
        return now - int(relative.group(1)) * UNITS[relative.group(2)] * 1_000_000
    try:
        return _microseconds(text)
    except ValueError:
        raise server_error() from None


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
