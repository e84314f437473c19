"""Plain values to models by cattrs, with no guessing: `null` never becomes `"None"`."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

import attrs

from posthog_env_async.errors import ResponseDecodeError

__all__ = ["as_time", "as_uuid", "nanoseconds", "structure"]

T = TypeVar("T")

EXTRA = "extra"

_FRACTION = re.compile(r"[.,](\d+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_time(text: str) -> datetime:
    """Read a time with or without fraction; without an offset it is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def nanoseconds(text: str) -> int:
    """Return a time as the whole nanoseconds since 1970: nine digits of fraction count."""
    whole, digits = as_time(_FRACTION.sub("", text)), _FRACTION.search(text)
    fraction = digits[1][:9].ljust(9, "0") if digits else "0"
    return (whole - _EPOCH) // timedelta(seconds=1) * 10**9 + int(fraction)


def as_uuid(text: str) -> UUID:
    """Read a UUID."""
    return UUID(text)


def structure(kind: type[T], value: Any, where: str = "$") -> T:
    """Make a model of decoded JSON; unknown fields go to `extra`.

    Raises:
        ResponseDecodeError: naming the path of each wrong field, never its value.
    """
    if not isinstance(value, dict):
        name = kind.__name__.lstrip("_")
        raise ResponseDecodeError(f"the answer does not fit {name}: expected an object @ {where}")
    filled = _with_extra(kind, cast("dict[str, Any]", value))
    try:
        return cast("T", _converter(detailed=False).structure(filled, kind))
    except Exception:  # noqa: BLE001 - whatever a hook raises, the slow way says it with its path
        slow = _converter(detailed=True)
    try:
        return cast("T", slow.structure(filled, kind))
    except Exception as error:  # noqa: BLE001 - as above
        wrong = _wrong_fields(error, where)
    raise ResponseDecodeError(f"the answer does not fit {kind.__name__.lstrip('_')}: {wrong}")


def _unknown_fields(kind: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model does not name."""
    known = {field.alias for field in attrs.fields(kind)} - {EXTRA}
    return {name: value for name, value in row.items() if name not in known}


def _with_extra(kind: type[Any], row: dict[str, Any]) -> dict[str, Any]:
    return {**row, EXTRA: _unknown_fields(kind, row)} if attrs.has(kind) else row


def _wrong_fields(error: Exception, where: str) -> str:
    from cattrs import transform_error  # noqa: PLC0415 - as below

    found = transform_error(error, where, _plain_reason)
    return ", ".join(line.replace("._", ".") for line in found)


def _plain_reason(error: BaseException, kind: type[Any] | None) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return f"expected {getattr(kind, '__name__', None) or str(kind)}"


def _exactly(kind: type[T]) -> Callable[[Any, Any], T]:
    def check(value: Any, _: Any) -> T:
        if type(value) is not kind:
            raise TypeError(kind.__name__)
        return value

    return check


_text, _whole = _exactly(str), _exactly(int)
_list: Callable[[Any, Any], list[Any]] = _exactly(list)


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("float")
    return value


def _time(value: Any, _: Any) -> datetime:
    return as_time(_text(value, str))


def _uuid(value: Any, _: Any) -> UUID:
    return as_uuid(_text(value, str))


def _items(value: Any, check: Callable[[Any, Any], T]) -> tuple[T, ...]:
    items = _list([] if value is None else value, list)
    return tuple(check(item, None) for item in items)


def _texts(value: Any, _: Any) -> tuple[str, ...]:
    return _items(value, _text)


def _wholes(value: Any, _: Any) -> tuple[int, ...]:
    return _items(value, _whole)


def _mapping(value: Any, _: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise TypeError("object")
    return cast("Mapping[str, Any]", value or {})


def _identifier(value: Any, _: Any) -> int | str | None:
    if value is not None and type(value) not in {int, str}:
        raise TypeError("int, text or null")
    return cast("int | str | None", value)


@cache
def _converter(*, detailed: bool) -> Any:
    """Return the converter, made when the first row is read: a tenth of the import's time."""
    from cattrs import Converter  # noqa: PLC0415 - so that the import of the package is quick

    converter = Converter(detailed_validation=detailed, use_alias=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(datetime, _time)
    converter.register_structure_hook(UUID, _uuid)
    for shape, hook in _SHAPES.items():
        converter.register_structure_hook_func(_is(shape), hook)
    return converter


def _is(shape: Any) -> Callable[[Any], bool]:
    return lambda kind: bool(kind == shape)


_SHAPES: Mapping[Any, Callable[[Any, Any], Any]] = {
    tuple[str, ...]: _texts,
    tuple[int, ...]: _wholes,
    Mapping[str, Any]: _mapping,
    int | str | None: _identifier,
}
