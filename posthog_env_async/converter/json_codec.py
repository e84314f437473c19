"""JSON text to plain values and back."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from posthog_env_async.errors import ResponseDecodeError

__all__ = ["UNREADABLE", "Raw", "as_mapping", "dump", "load", "load_slowly"]

Raw = bytes | msgspec.Raw

_decode = msgspec.json.Decoder().decode

UNREADABLE = (ValueError, RecursionError)
"""What a decoder raises for text that it does not take."""


def dump(value: Any) -> bytes:
    """Return a value as compact JSON text."""
    return json.dumps(value, separators=(",", ":")).encode()


def load(text: Raw) -> Any:
    """Decode JSON as the standard library would, only faster.

    What msgspec refuses and the standard library takes (a lone surrogate, NaN) the latter reads.

    Raises:
        ResponseDecodeError: when it is not valid JSON.
    """
    try:
        return _decode(text)
    except UNREADABLE:
        slowly: Callable[[Raw], Any] = load_slowly
    return slowly(text)


def load_slowly(text: Raw) -> Any:
    """Decode JSON by the standard library, which would also guess at UTF-16: JSON is UTF-8.

    Raises:
        ResponseDecodeError: when it is not valid JSON.
    """
    try:
        return json.loads(bytes(text).decode("utf-8-sig", "surrogatepass"))
    except UNREADABLE as error:
        what = f"is not valid JSON ({type(error).__name__})" if bytes(text).strip() else "is empty"
    raise ResponseDecodeError(f"the answer {what}", retryable=True)


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object as it is, and anything else as an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
