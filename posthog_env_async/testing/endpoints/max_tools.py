"""The create_and_query_insight endpoint of Max (docs/server.md, Max tools)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from posthog_env_async.testing.data.hashing import mix
from posthog_env_async.testing.http.errors import invalid
from posthog_env_async.testing.http.request import Request
from posthog_env_async.testing.http.response import Response, json_answer
from posthog_env_async.testing.server_state import Installation

__all__ = ["create_insight"]

TYPES = ("trends", "funnel", "retention", "sql")
LENGTH = 1000
KINDS = {
    "trends": "TrendsQuery",
    "funnel": "FunnelsQuery",
    "retention": "RetentionQuery",
    "sql": "HogQLQuery",
}


async def create_insight(site: Installation, call: Request) -> Response:
    """Answer a list of entries; a failure comes with 200 as well."""
    fields = call.fields()
    for name in ("query", "insight_type"):
        if name not in fields:
            raise invalid("required", "This field is required.", attr=name)
    query, kind = fields["query"], fields["insight_type"]
    if not isinstance(query, str) or not query.strip():
        raise invalid("blank", "This field may not be blank.", attr="query")
    if len(query) > LENGTH:
        detail = f"Ensure this field has no more than {LENGTH} characters."
        raise invalid("max_length", detail, attr="query")
    if kind not in TYPES:
        raise invalid("invalid_choice", f'"{kind}" is not a valid choice.', attr="insight_type")
    return json_answer(site.insights.pop(0) if site.insights else _entries(query, kind))


def _entries(query: str, kind: str) -> list[dict[str, Any]]:
    data = [
        {"type": "ack"},
        *(_failure() if "impossible" in query.lower() else _insight(query, kind)),
    ]
    return [{"type": "message", "data": entry} for entry in data]


def _failure() -> list[dict[str, Any]]:
    return [{"type": "ai/failure", "content": "Oops! It looks like I'm having trouble."}]


def _insight(query: str, kind: str) -> list[dict[str, Any]]:
    call_id = str(UUID(int=mix(len(query), 7) << 64 | mix(len(query), 8), version=4))
    answer: dict[str, Any] = {"kind": KINDS[kind]}
    if kind == "sql":
        answer["query"] = "SELECT count() FROM persons"
    else:
        answer["series"] = [{"kind": "EventsNode", "event": "$pageview", "math": "weekly_active"}]
    shown = {
        "type": "ai/viz",
        "id": str(UUID(int=mix(len(query), 9) << 64 | mix(len(query), 10), version=4)),
        "query": query,
        "answer": answer,
        "plan": "Count weekly active users.",
        "initiator": call_id,
    }
    return [shown, {"type": "tool", "content": "Results: 42", "tool_call_id": call_id}]
