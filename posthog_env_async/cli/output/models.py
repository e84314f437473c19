"""Models as JSON: as the server sent them where they keep it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

__all__ = ["json_line", "json_of"]


def json_line(value: Mapping[str, Any]) -> bytes:
    """Return one object as JSON without a line end."""
    return json.dumps(value, default=_plain).encode()


def json_of(model: Any) -> bytes:
    """Return a model as a line of JSON, unknown fields included."""
    if hasattr(model, "to_json"):
        text: bytes = model.to_json()
        # A server that indents its JSON must not break the rule of a line an item.
        return text if b"\n" not in text else json_line(json.loads(text))
    fields = attrs.asdict(model)
    extra = fields.pop("extra", {})
    return json_line({**fields, **extra})


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
