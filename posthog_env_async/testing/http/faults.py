"""Scripted faults: what goes wrong, when, and how often."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from .errors import default_error
from .response import JSON_TYPE, Response, encode

__all__ = ["Action", "Fault", "take_fault"]

Action = Literal[
    "status",
    "html",
    "text",
    "empty",
    "reset",
    "disconnect",
    "truncate",
    "cut",
    "stall",
    "stall_body",
    "lost",
    "previous",
]
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
REPLACING = frozenset({"status", "html", "text", "empty"})


@attrs.frozen
class Fault:
    """Spoil `times` matching requests, after `after` of them went well.

    The request is not carried out by `status` (answers `body`, else what PostHog says with the
    status), `html` and `text` (as load balancers speak: docs/server.md, Errors), `empty`, `reset`
    (RST) and `disconnect` (closed in silence). It is carried out by `lost` (closes instead of an
    answer), `truncate` (half of the bytes that the length promises), `cut` (half of the body under
    a length that fits), `previous` (the body of the answer before), `stall` (waits `seconds`,
    `None` until the fake closes, then answers) and `stall_body` (the same in the middle of the
    body). `path` is found anywhere in path and query, or is a compiled pattern to search there.
    """

    status: int = 503
    body: bytes | str | dict[str, Any] | list[Any] | None = attrs.field(default=None, kw_only=True)
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], kw_only=True)
    times: int = attrs.field(default=1, kw_only=True)
    path: str | re.Pattern[str] | None = attrs.field(default=None, kw_only=True)
    method: str | None = attrs.field(default=None, kw_only=True)
    after: int = attrs.field(default=0, kw_only=True)
    action: Action = attrs.field(default="status", kw_only=True)
    seconds: float | None = attrs.field(default=None, kw_only=True)

    def matches(self, method: str, target: str) -> bool:
        """Tell whether a request is meant; `target` is path and query as sent."""
        if self.method is not None and self.method != method:
            return False
        if isinstance(self.path, re.Pattern):
            return self.path.search(target) is not None
        return self.path is None or self.path in target

    @property
    def replaces(self) -> bool:
        """Tell whether the real answer is not wanted at all."""
        return self.action in REPLACING or self.action in ("reset", "disconnect")

    def answer(self) -> Response:
        """Build the answer that stands in for the real one."""
        answer = self._answer_of_action()
        return attrs.evolve(answer, headers={**answer.headers, **self.headers})

    def _answer_of_action(self) -> Response:
        if self.action == "empty":
            return Response(self.status)
        if self.body is not None:
            return _given(self.status, self.body, self.action)
        if self.action == "html":
            return Response(self.status, HTML, "text/html; charset=utf-8")
        if self.action == "text":
            return Response(self.status, b"upstream request timeout", "text/plain")
        return default_error(self.status)


def _given(status: int, body: bytes | str | dict[str, Any] | list[Any], action: Action) -> Response:
    kind = {"html": "text/html; charset=utf-8", "text": "text/plain"}.get(action, JSON_TYPE)
    if isinstance(body, str):
        return Response(status, body.encode(), kind)
    return Response(status, body if isinstance(body, bytes) else encode(body), kind)


def take_fault(faults: list[Fault], method: str, target: str) -> Fault | None:
    """Take the first fault that is due for a request; the list keeps what remains to be played."""
    for index, fault in enumerate(faults):
        if not fault.matches(method, target):
            continue
        if fault.after > 0:
            faults[index] = attrs.evolve(fault, after=fault.after - 1)
            continue
        if fault.times > 1:
            faults[index] = attrs.evolve(fault, times=fault.times - 1)
        else:
            del faults[index]
        return fault
    return None
