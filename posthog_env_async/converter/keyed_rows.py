"""An answer whose rows are the values of an object: `{"results": {key: row}}`."""

from typing import cast

import msgspec

from posthog_env_async.errors import ResponseDecodeError

from .json_codec import UNREADABLE, as_mapping, dump, load_slowly

__all__ = ["keyed_rows"]


class _Answer(msgspec.Struct):
    results: dict[str, msgspec.Raw]


_decode = msgspec.json.Decoder(_Answer).decode


def keyed_rows(body: bytes) -> dict[str, bytes]:
    """Return each row as JSON, under its key.

    Raises:
        ResponseDecodeError: when the answer has no such object.
    """
    try:
        return {key: bytes(row) for key, row in _decode(body).results.items()}
    except UNREADABLE:
        slowly = load_slowly
    found: object = as_mapping(slowly(body)).get("results")
    if not isinstance(found, dict):
        raise ResponseDecodeError("the answer does not fit: expected an object @ $.results")
    rows = cast("dict[str, object]", found)
    return {key: dump(row) for key, row in rows.items()}
