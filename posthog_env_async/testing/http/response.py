"""What the fake answers, before it becomes bytes on a connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

__all__ = ["EMPTY_CSV", "JSON_TYPE", "RefusedError", "Response", "encode", "json_answer"]

JSON_TYPE = "application/json"


@attrs.frozen
class Response:
    """Hold one answer; without a content type the header is left out."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


class RefusedError(Exception):
    """Carry an error answer out of an endpoint."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


EMPTY_CSV = Response()


def encode(value: Any) -> bytes:
    """Encode JSON the fast way, or the patient way for huge integers and lone surrogates."""
    try:
        return msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError):
        return json.dumps(value, separators=(",", ":")).encode()


def json_answer(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a value as JSON."""
    return Response(status, encode(value), JSON_TYPE, headers or {})
