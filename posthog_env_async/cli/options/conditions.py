"""The small grammar of `--property` and `--filter`, and files of filters.

plan=scale            is exactly            seats>10   >=   <   <=
plan!=free            is not                email~ada  contains; !~ does not
plan=["a","b"]        is one of             email?     has a value; !? has none
name~regex:^A         any operator of the API by its name
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard, cast

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.models import FilterType, Operator, PropertyFilter

__all__ = ["GRAMMAR", "condition_of", "conditions_in", "log_condition_of"]

GRAMMAR = (
    "KEY=VALUE, KEY!=VALUE, KEY>VALUE, >=, <, <=, KEY~PART (contains), KEY!~PART, KEY? (has a"
    " value), KEY!? (has none), KEY~OPERATOR:VALUE for any operator of the API"
)
SIGNS = {
    "=": "exact",
    "!=": "is_not",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "~": "icontains",
    "!~": "not_icontains",
}
NAMED = {*SIGNS.values(), "regex", "not_regex", "in", "not_in"} | {
    "is_date_exact",
    "is_date_before",
    "is_date_after",
}
ORDERED = frozenset({"gt", "gte", "lt", "lte"})
LOG_KINDS: Mapping[str, FilterType] = {
    "attribute": "log_attribute",
    "resource": "log_resource_attribute",
}
FIELDS = frozenset({"key", "value", "operator", "type"})

_SET = re.compile(r"([^=!<>~?]+)(!?\?)")
_WRITTEN = re.compile(r"([^=!<>~?]+)(!=|!~|>=|<=|=|>|<|~)(.*)", re.DOTALL)
_NAMED = re.compile(r"([a-z_]+):(.*)", re.DOTALL)


def condition_of(text: str, *, kind: FilterType = "person") -> PropertyFilter:
    """Read a condition on a property.

    Raises:
        ConfigurationError: when it is none.
    """
    if match := _SET.fullmatch(text):
        return PropertyFilter(
            match[1].strip(), None, "is_set" if match[2] == "?" else "is_not_set", kind
        )
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"a condition on a property is written {GRAMMAR}")
    key, operator, value = match[1].strip(), SIGNS[match[2]], match[3].strip()
    if match[2] == "~" and (named := _NAMED.fullmatch(value)) and named[1] in NAMED:
        operator, value = named[1], named[2]
    return PropertyFilter(key, _value(value, operator), cast("Operator", operator), kind)


def log_condition_of(text: str) -> PropertyFilter:
    """Read a condition on logs: `message~…`, `attribute:KEY=…` or `resource:KEY=…`.

    Raises:
        ConfigurationError: when it is none.
    """
    prefix, colon, rest = text.partition(":")
    if colon and prefix in LOG_KINDS:
        return condition_of(rest, kind=LOG_KINDS[prefix])
    condition = condition_of(text, kind="log")
    if condition.key != "message":
        raise ConfigurationError(
            "--filter of logs begins with message, attribute: or resource:, as in"
            " 'resource:service.name=checkout'"
        )
    return condition


def conditions_in(path: Path) -> tuple[PropertyFilter, ...]:
    """Read a JSON file with a list of filters as the API takes them: key, value, operator, type.

    Raises:
        ConfigurationError: when it is none; never quotes the file.
    """
    try:
        filters = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"--properties-file: cannot read {path}: {error.strerror}"
        ) from None
    except ValueError:
        filters = None
    if not _is_list(filters) or not filters:
        raise ConfigurationError(f"--properties-file: {path} must hold a JSON list of filters")
    return tuple(_filter(entry, path) for entry in filters)


def _filter(entry: Any, path: Path) -> PropertyFilter:
    if not isinstance(entry, dict) or not {"key"} <= set(cast("dict[str, Any]", entry)) <= FIELDS:
        raise ConfigurationError(
            f"--properties-file: each filter in {path} is an object with key, and with value,"
            " operator and type where needed"
        )
    return PropertyFilter(**cast("dict[str, Any]", entry))


def _value(text: str, operator: str) -> Any:
    """Read a list where one is written, a number where one is compared; all else is text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if _is_list(value):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and operator in ORDERED else text


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
