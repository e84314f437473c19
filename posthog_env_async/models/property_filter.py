"""Filters on properties, checked before they are sent: the server answers a wrong one with 500."""

import math
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import attrs

from posthog_env_async.errors import ConfigurationError

__all__ = ["FilterType", "Operator", "PropertyFilter"]

Operator = Literal[
    "exact",
    "is_not",
    "icontains",
    "not_icontains",
    "regex",
    "not_regex",
    "gt",
    "gte",
    "lt",
    "lte",
    "is_set",
    "is_not_set",
    "is_date_exact",
    "is_date_before",
    "is_date_after",
    "in",
    "not_in",
]
"""How a filter compares (docs/server.md, Filters)."""

FilterType = Literal["person", "cohort", "log", "log_attribute", "log_resource_attribute"]
"""What a filter is about: persons, or logs."""

VALUELESS = frozenset({"is_set", "is_not_set"})
OPERATORS = frozenset(get_args(Operator))
LOG_TYPES = ("log", "log_attribute", "log_resource_attribute")
TYPES = frozenset(get_args(FilterType))


def _one_of(allowed: frozenset[str]) -> Any:
    def check(_: object, field: "attrs.Attribute[str]", value: str) -> None:
        if value not in allowed:
            raise ConfigurationError(
                f"{field.name} of a filter must be one of {', '.join(sorted(allowed))}"
            )

    return check


@attrs.frozen
class PropertyFilter:
    """One condition on a property (docs/server.md, Filters and Logs); several are ANDed.

    Raises:
        ConfigurationError: for what the server would answer with 500.

    Attributes:
        key: the name of the property; `message` for the type `log`.
        value: text, a number or a bool, or a list of them, which for `exact` means any of them;
            `is_set` and `is_not_set` need none.
        operator: how the property is compared.
        type: `person`, `cohort`, or for logs `log`, `log_attribute` or `log_resource_attribute`.
    """

    key: str
    value: Any = attrs.field(default=None, repr=False)
    operator: Operator = attrs.field(default="exact", validator=_one_of(OPERATORS))
    type: FilterType = attrs.field(default="person", validator=_one_of(TYPES))

    def __attrs_post_init__(self) -> None:
        if not _is_text(self.key):
            raise ConfigurationError("key of a filter must be a text that is not empty")
        if self.operator not in VALUELESS and not (
            self._values and all(map(_is_plain, self._values))
        ):
            raise ConfigurationError(
                "value of a filter must be text, a number, a bool or a list of them"
            )

    @property
    def _values(self) -> list[Any]:
        value: Any = self.value
        return [*cast("Sequence[Any]", value)] if isinstance(value, list | tuple) else [value]

    @property
    def is_for_logs(self) -> bool:
        """Whether the filter is one for `logs.query`."""
        return self.type in LOG_TYPES

    def wire(self) -> dict[str, Any]:
        """Return the filter as the server wants it: every key explicit."""
        value: Any = self._values if isinstance(self.value, tuple) else self.value
        if self.operator in VALUELESS:
            value = self.operator
        return {"key": self.key, "value": value, "operator": self.operator, "type": self.type}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int)
