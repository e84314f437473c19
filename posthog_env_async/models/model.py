"""What every model can do: dictionaries, JSON, pickles, and the hooks of other libraries."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Self, cast
from uuid import UUID

import attrs

from posthog_env_async.converter import as_time, as_uuid, dump, load, structure, with_text
from posthog_env_async.errors import ConfigurationError

__all__ = ["Model", "to_mapping", "to_texts", "to_time", "to_uuid"]

EXTRA = "extra"
Text = bytes | None

SCHEMA_TYPES: Mapping[Any, Mapping[str, Any]] = {
    UUID: {"type": "string", "format": "uuid"},
    datetime | None: {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    bool | None: {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    int: {"type": "integer"},
    int | None: {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    str: {"type": "string"},
    str | None: {"anyOf": [{"type": "string"}, {"type": "null"}]},
    int | str | None: {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
    tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
    tuple[int, ...]: {"type": "array", "items": {"type": "integer"}},
    dict[str, Any]: {"type": "object"},
    Mapping[str, Any]: {"type": "object"},
    tuple[Mapping[str, Any], ...]: {"type": "array", "items": {"type": "object"}},
}


class _Serializer:
    """What pydantic asks a value for whose type no annotation names; made when it asks."""

    def __get__(self, _: object, kind: Any) -> Any:
        return _serializer(kind)


class Model:
    """A frozen attrs class whose fields are those of the server, and `extra` for all others.

    Where it came from the server it keeps the text it was read from.
    """

    __slots__ = ("_text",)

    _text: Any
    __pydantic_serializer__ = _Serializer()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values by the server's names, unknown fields included.

        Where the model came from the server, exactly the fields that the server sent.
        """
        text = self._sent()
        return _given(self) if text is None else cast("dict[str, Any]", load(text))

    def to_json(self) -> bytes:
        """Return the model as JSON: byte for byte as the server sent it, where it came from it."""
        text = self._sent()
        return dump(_given(self)) if text is None else text

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Make a model of what `to_dict` gives; fields that it does not name go to `extra`.

        Raises:
            ConfigurationError: naming the fields that are missing or wrong, never their values.
        """
        if not isinstance(cast("object", fields), Mapping):
            raise ConfigurationError(f"{cls.__name__}.from_dict needs a mapping")
        known = {name for name in _names(cls) if name != EXTRA}
        given = {name: value for name, value in fields.items() if name in known}
        extra = {name: value for name, value in fields.items() if name not in known}
        if missing := [name for name in _required(cls) if given.get(name) is None]:
            raise ConfigurationError(f"{cls.__name__} needs {', '.join(missing)}")
        given = {name: value for name, value in given.items() if value is not None}
        return cls(**given, **({EXTRA: extra} if EXTRA in _names(cls) else {}))

    def _sent(self) -> Text:
        """Return the text that the server sent, or `None` for a model made otherwise."""
        return getattr(self, "_text", None)

    def __reduce__(self) -> tuple[Any, ...]:
        text = self._sent()
        if text is None:
            values = {name: getattr(self, name) for name in _names(type(self))}
            return _from_values, (type(self), values)
        return self._from_json, (text,)

    @classmethod
    def _from_json(cls, text: bytes) -> Self:
        """Read a model again from its text."""
        return with_text(structure(cls, load(text)), text)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # pyright: ignore
        """What `vars` gives: FastAPI's encoder asks for it."""
        return self.to_dict()

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415 - pydantic itself asks for it

        to_dict: Callable[[Any], dict[str, Any]] = cls.to_dict
        return core_schema.no_info_plain_validator_function(
            cls._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(to_dict),
        )

    @classmethod
    def _validated(cls, value: Any) -> Self:
        return value if isinstance(value, cls) else cls.from_dict(value)

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: object) -> dict[str, Any]:
        fields = [field for field in attrs.fields(cast("Any", cls)) if field.name != EXTRA]
        return {
            "title": cls.__name__,
            "type": "object",
            "properties": {field.name: dict(SCHEMA_TYPES.get(field.type, {})) for field in fields},
            "required": list(_required(cls)),
            "additionalProperties": True,
        }


@cache
def _serializer(kind: Any) -> Any:
    try:
        from pydantic_core import SchemaSerializer  # noqa: PLC0415 - pydantic itself asks for it
    except ImportError:
        raise AttributeError("__pydantic_serializer__") from None
    return SchemaSerializer(kind.__get_pydantic_core_schema__())


def _names(kind: type[Any]) -> list[str]:
    return [field.name for field in attrs.fields(kind)]


def _required(kind: type[Any]) -> list[str]:
    return [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]


def _given(model: Model) -> dict[str, Any]:
    given = {name: _plain(getattr(model, name)) for name in _names(type(model)) if name != EXTRA}
    return {**given, **getattr(model, EXTRA, {})}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Model):
        return value.to_dict()
    return (
        [_plain(item) for item in cast("tuple[object, ...]", value)]
        if isinstance(value, tuple)
        else value
    )


def _from_values(kind: type[Any], values: Mapping[str, Any]) -> Any:
    return kind(**values)


def to_uuid(value: UUID | str) -> UUID:
    """Take a UUID or its text."""
    if isinstance(value, UUID):
        return value
    try:
        return as_uuid(value)
    except (ValueError, TypeError, AttributeError):
        wrong = "a uuid must be a UUID or its text"
    raise ConfigurationError(wrong)


def to_time(value: datetime | str | None) -> datetime | None:
    """Take a time, or its text; without a zone it is UTC."""
    if value is None:
        return None
    try:
        return as_time(value.isoformat() if isinstance(value, date) else value)
    except (ValueError, TypeError):
        wrong = "a time must be a datetime or an ISO 8601 text"
    raise ConfigurationError(wrong)


def to_mapping(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Take a mapping as a plain dict; `None` is an empty one."""
    if value is not None and not isinstance(cast("object", value), Mapping):
        raise ConfigurationError("properties and other objects must be mappings")
    return dict(value or {})


def to_texts(value: Iterable[str] | None) -> tuple[str, ...]:
    """Take texts as a tuple; `None` is an empty one."""
    texts = cast("tuple[object, ...]", tuple(value or ()))
    if isinstance(cast("object", value), str) or not all(isinstance(text, str) for text in texts):
        raise ConfigurationError("ids and scopes must be a list of texts")
    return cast("tuple[str, ...]", texts)
