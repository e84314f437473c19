"""A JSON object that is decoded as far as it is looked at."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import lru_cache
from typing import Any, cast

import msgspec

from posthog_env_async.errors import ResponseDecodeError

from .text import UNREADABLE, load

__all__ = ["LazyObject"]

ABSENT = msgspec.UNSET
KEYS_REMEMBERED = 256
BEGINNINGS = (b"{", b"n", b"")  # an object, null, nothing


class LazyObject(Mapping[str, Any]):
    """A read-only mapping over the text of a JSON object; `null` is an empty one.

    The first key that is asked for is decoded alone, which costs a fraction of the whole; a second
    key, or a look at all of them, decodes the whole. `dict(…)` gives a plain dict.
    """

    __slots__ = ("_key", "_text", "_value", "_whole")

    def __init__(self, text: bytes) -> None:
        """Take the text of an object.

        Raises:
            ResponseDecodeError: when it is one of something else.
        """
        if text[:1] not in BEGINNINGS:
            raise ResponseDecodeError(
                "the answer does not fit Person: expected dict @ $.properties"
            )
        self._text = text
        self._whole: dict[str, Any] | None = None
        self._key: str | None = None
        self._value: Any = ABSENT

    def __getitem__(self, key: str) -> Any:
        value = self._found(key)
        if value is ABSENT:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or `default` where there is none."""
        value = self._found(key)
        return default if value is ABSENT else value

    def _found(self, key: str) -> Any:
        if self._whole is not None:
            return self._whole.get(key, ABSENT)
        if self._key is None:
            try:
                self._value = _reader(key)(self._text).value
                self._key = key
            except (*UNREADABLE, TypeError):
                return self._all().get(key, ABSENT)
        return self._value if self._key == key else self._all().get(key, ABSENT)

    def _all(self) -> dict[str, Any]:
        if self._whole is None:
            self._whole = _object(self._text)
        return self._whole

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, key: object) -> bool:
        return key in self._all()

    def keys(self) -> KeysView[str]:
        """Return all keys."""
        return self._all().keys()

    def values(self) -> ValuesView[Any]:
        """Return all values."""
        return self._all().values()

    def items(self) -> ItemsView[str, Any]:
        """Return all keys and values."""
        return self._all().items()

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyObject, (self._text,)


@lru_cache(KEYS_REMEMBERED)
def _reader(key: str) -> Callable[[bytes], Any]:
    only = msgspec.defstruct("Only", [("value", Any, ABSENT)], rename={"value": key}, gc=False)
    return cast("Callable[[bytes], Any]", msgspec.json.Decoder(only).decode)


def _object(text: bytes) -> dict[str, Any]:
    found: object = load(text) if text else None
    return cast("dict[str, Any]", found or {})
