"""A JSON object that is decoded as far as it is looked at."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, cast

import msgspec

from posthog_env_async.errors import ResponseDecodeError

from .json_codec import UNREADABLE, load

__all__ = ["LazyObject"]

ABSENT = msgspec.UNSET
KEYS_REMEMBERED = 256


class LazyObject(Mapping[str, Any]):
    """A read-only mapping over the text of a JSON object; `null` is an empty one.

    The first key that is asked for is decoded alone, which costs a fraction of the whole; a second
    key, or a look at all of them, decodes the whole. `dict(…)` gives a plain dict.
    """

    __slots__ = ("_known", "_text")

    def __init__(self, text: bytes) -> None:
        self._text = text
        # Nothing, the one key that was asked for with its value, or the whole.
        self._known: tuple[str, Any] | dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        value = self.get(key, ABSENT)
        if value is ABSENT:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or `default` where there is none.

        Raises:
            ResponseDecodeError: when the text is no object.
        """
        known = self._known
        if known is None:
            try:
                value = (_readers.get(key) or _new_reader(key))(self._text).value
            except (*UNREADABLE, TypeError):
                return self._all().get(key, default)
            self._known = (key, value)
        elif isinstance(known, dict):
            return known.get(key, default)
        elif known[0] == key:
            value = known[1]
        else:
            return self._all().get(key, default)
        return default if value is ABSENT else value

    def _all(self) -> dict[str, Any]:
        if not isinstance(self._known, dict):
            self._known = _object(self._text)
        return self._known

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


_readers: dict[str, Callable[[bytes], Any]] = {}


def _new_reader(key: str) -> Callable[[bytes], Any]:
    only = msgspec.defstruct("Only", [("value", Any, ABSENT)], rename={"value": key}, gc=False)
    read = cast("Callable[[bytes], Any]", msgspec.json.Decoder(only).decode)
    if len(_readers) >= KEYS_REMEMBERED:
        _readers.clear()
    _readers[key] = read
    return read


def _object(text: bytes) -> dict[str, Any]:
    found: object = load(text) if text else None
    if found is not None and not isinstance(found, dict):
        raise ResponseDecodeError("the answer does not fit Person: expected dict @ $.properties")
    return cast("dict[str, Any]", found or {})
