"""The small language of conditions on properties and logs."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cyclopts")

from posthog_env_async import ConfigurationError
from posthog_env_async.cli.options.conditions import (
    condition_of,
    conditions_in,
    log_condition_of,
)


@pytest.mark.parametrize(
    ("text", "key", "value", "operator"),
    [
        ("plan=scale", "plan", "scale", "exact"),
        ("plan!=free", "plan", "free", "is_not"),
        ('plan=["a","b"]', "plan", ["a", "b"], "exact"),
        ("seats>10", "seats", 10, "gt"),
        ("seats>=10", "seats", 10, "gte"),
        ("seats<1.5", "seats", 1.5, "lt"),
        ("seats<=10", "seats", 10, "lte"),
        ("seats=10", "seats", "10", "exact"),
        ("seats>true", "seats", "true", "gt"),
        ("email~ada", "email", "ada", "icontains"),
        ("email!~test", "email", "test", "not_icontains"),
        ("name~regex:^A", "name", "^A", "regex"),
        ("name~other:^A", "name", "other:^A", "icontains"),
        ("email?", "email", None, "is_set"),
        ("email!?", "email", None, "is_not_set"),
    ],
)
def test_a_condition_is_read(text: str, key: str, value: Any, operator: str) -> None:
    found = condition_of(text)

    assert (found.key, found.value, found.operator) == (key, value, operator)


@pytest.mark.parametrize("text", ["plan", "=scale", ""])
def test_what_is_not_a_condition_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="KEY=VALUE") as caught:
        condition_of(text)

    assert not text or f"'{text}'" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "kind"),
    [
        ("message~timeout", "message", "log"),
        ("attribute:http.status_code>=500", "http.status_code", "log_attribute"),
        ("resource:service.name=checkout", "service.name", "log_resource_attribute"),
    ],
)
def test_a_condition_on_logs_says_of_what(text: str, key: str, kind: str) -> None:
    found = log_condition_of(text)

    assert (found.key, found.type) == (key, kind)


def test_a_condition_on_logs_of_something_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="attribute: or resource:"):
        log_condition_of("body=x")


def test_a_file_of_filters_is_read(tmp_path: Path) -> None:
    file = tmp_path / "filters.json"
    file.write_text('[{"key": "plan", "value": "scale", "operator": "is_not", "type": "person"}]')

    (found,) = conditions_in(file)

    assert (found.key, found.operator) == ("plan", "is_not")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '["plan"]', '[{"value": 1}]', '[{"key": "a", "odd": 1}]']
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "filters.json"
    file.write_text(text)

    with pytest.raises(ConfigurationError, match="--properties-file"):
        conditions_in(file)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        conditions_in(tmp_path / "nowhere.json")
