"""Which renderer answers: `format=` and `Accept`, as Django decides.

See docs/server.md, CSV and Max tools.
"""

from __future__ import annotations

from collections.abc import Sequence

from .errors import hog, not_found
from .request import Request

__all__ = ["negotiate"]

MEDIA = {"json": "application/json", "csv": "text/csv"}


def negotiate(call: Request, renderers: Sequence[str]) -> str:
    """Choose a renderer, or refuse: 404 for an unknown `format`, 406 for a wrong `Accept`."""
    wanted = call.query.get("format")
    if wanted:
        renderers = [name for name in renderers if name == wanted]
        if not renderers:
            raise not_found()
    for accepted in _accepted(call.headers.get("Accept", "*/*")):
        for name in renderers:
            if accepted in ("*/*", MEDIA[name], MEDIA[name].split("/")[0] + "/*"):
                return name
    text = "Could not satisfy the request Accept header."
    raise hog(406, "invalid_request", "not_acceptable", text)


def _accepted(header: str) -> list[str]:
    kinds = [part.partition(";")[0].strip().lower() for part in header.split(",")]
    return sorted(kinds, key=lambda kind: kind.count("*"))
