"""Pages of the standard kind: Django REST framework's limit/offset.

See docs/server.md, Persisted folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from .request import Request
from .response import Response, json_answer

__all__ = ["standard_page"]


def standard_page(call: Request, rows: Sequence[Any]) -> Response:
    """Answer a page with `count`; a bad limit or offset falls back to the default in silence."""
    limit = _number(call.query.get("limit"), least=1, default=100)
    offset = _number(call.query.get("offset"), least=0, default=0)
    end = offset + limit
    body = {
        "count": len(rows),
        "next": _link(call, limit, end) if end < len(rows) else None,
        "previous": _link(call, limit, offset - limit) if offset > 0 else None,
        "results": list(rows[offset:end]),
    }
    return json_answer(body)


def _link(call: Request, limit: int, offset: int) -> str:
    query = {**call.query, "limit": str(limit), "offset": str(offset)}
    if offset <= 0:
        del query["offset"]
    return f"{call.origin}{call.path}?{urlencode(sorted(query.items()))}"


def _number(text: str | None, *, least: int, default: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        return default
    return number if number >= least else default
