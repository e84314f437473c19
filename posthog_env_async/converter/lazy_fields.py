"""Fields of a frozen class that are filled when they are first looked at."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["lazy_fields"]

T = TypeVar("T")

_set = object.__setattr__

READER = "_read_"
GETTER = "_get_"


def lazy_fields(kind: type[T]) -> type[T]:
    """Let the slots of an attrs class be filled when they are first looked at.

    A method `_read_name` gives the value of the slot `name`, or `_name`. A method `_get_name` is
    asked each time in place of the slot, which is quicker the first time. The class that comes out
    stands for the one that was decorated, under its name: attrs' own functions see the same fields,
    while what would read the slots of an attrs class past its attributes, and so miss those not yet
    filled, refuses it.
    """
    readers = dict[str, Callable[[Any], Any]]()
    for name, read in vars(kind).items():
        if name.startswith(READER):
            field = name.removeprefix(READER)
            readers[field] = readers[f"_{field}"] = read

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807 - Python's own name
        read = readers.get(name)
        if read is None:
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        value = read(self)
        _set(self, name, value)
        return value

    kept = ("__module__", "__qualname__", "__doc__", "__annotations__")
    body: dict[str, Any] = {name: getattr(kind, name) for name in kept}
    body |= {"__slots__": (), "__getattr__": __getattr__, **_quick_fields(kind)}
    make: Any = type
    return cast("type[T]", make(kind.__name__, (kind,), body))


def _quick_fields(kind: type[Any]) -> dict[str, property]:
    fields = {name: name.removeprefix(GETTER) for name in vars(kind) if name.startswith(GETTER)}
    return {
        field: property(getattr(kind, name), getattr(kind, field).__set__)
        for name, field in fields.items()
    }
