"""The one JSON form of what an export keeps: a kind, a version, a checksum, and the fields."""

import hashlib
import json
from typing import Any, TypeVar

import attrs

from posthog_env_async.converter import as_mapping, load, structure
from posthog_env_async.errors import CheckpointError, ResponseDecodeError

__all__ = ["VERSION", "decode", "encode"]

VERSION = 2
HEAD = ("kind", "version", "checksum")

T = TypeVar("T")


def encode(kind: str, value: Any, *, indent: int | None = None) -> str:
    """Return an attrs object as JSON that `decode` takes again."""
    fields: dict[str, Any] = attrs.asdict(value)
    head = {"kind": kind, "version": VERSION, "checksum": _checksum(kind, fields)}
    return json.dumps({**head, **fields}, indent=indent)


def decode(kind: str, model: type[T], text: str | bytes, *, name: str, advice: str = "") -> T:
    """Read what `encode` wrote; `name` is what an error calls it.

    Raises:
        CheckpointError: when it is damaged, was changed, or is of another kind or version.
    """
    try:
        fields = dict(as_mapping(load(_bytes(text))))
        found, version, checksum = (
            fields.pop(key, None) for key in ("kind", "version", "checksum")
        )
        if version != VERSION and isinstance(version, int):
            problem = "is of another version of this package"
        elif found != kind or version != VERSION or checksum != _checksum(kind, fields):
            problem = f"is damaged or was changed, or it is not a {kind}"
        else:
            return structure(model, fields)
    except (ResponseDecodeError, RecursionError, ValueError):
        problem = "is damaged"
    raise CheckpointError(f"{name} {problem}{advice and f'; {advice}'}")


def _bytes(text: object) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    return text if isinstance(text, bytes) else b""


def _checksum(kind: str, fields: dict[str, Any]) -> str:
    text = json.dumps([kind, VERSION, fields], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
