"""Columns, their types and their names: pure functions over rows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from posthog_env_async import ConfigurationError
from posthog_env_async.export.formats.column_types import (
    CONVERTERS,
    UNFIT,
    ColumnType,
    type_of,
    widest_type,
)
from posthog_env_async.export.formats.columns import Column, parse_columns, value_of
from posthog_env_async.export.formats.flatten import columns_of, flat
from posthog_env_async.export.formats.safe_names import safe_names
from posthog_env_async.export.formats.schema import schema_of

# columns


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("uuid", Column("uuid", "uuid")),
        ("properties.email", Column("properties.email", "properties", "email")),
        ("properties.a.b=time", Column("properties.a.b", "properties", "a.b", "time")),
        ("name=text", Column("name", "name", None, "text")),
        ("properties.$os", Column("properties.$os", "properties", "$os")),
    ],
)
def test_a_column_is_a_field_a_key_inside_and_a_type(text: str, column: Column) -> None:
    assert Column.parse(text) == column


@pytest.mark.parametrize("names", ["uuid", [1], [None], [], ["a", "a"], ["a=text", "a=json"]])
def test_what_names_no_columns_is_refused(names: Any) -> None:
    with pytest.raises(ConfigurationError, match="columns must be"):
        parse_columns(names)


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"properties": {"email": "a"}}, "a"),
        ({"properties.email": "b", "properties": {"email": "a"}}, "b"),
        ({"properties": None}, None),
        ({"properties": ["email"]}, None),
        ({}, None),
    ],
)
def test_a_value_inside_is_found_also_under_its_flat_name(
    fields: dict[str, Any], value: Any
) -> None:
    assert value_of(Column.parse("properties.email"), fields) == value


def test_rows_are_flattened_one_level() -> None:
    row = b'{"id":1,"properties":{"a":{"b":2},"c":[3]},"tags":[]}'

    assert flat(row) == {"id": 1, "properties.a": {"b": 2}, "properties.c": [3], "tags": []}
    assert flat(b"7") == {"value": 7}


def test_above_the_bound_the_most_frequent_columns_are_kept_in_their_order() -> None:
    rows = [b'{"z":1,"a":1,"m":1}', b'{"z":1,"a":1}', b'{"z":1}']

    assert columns_of(rows, 10) == (("z", "a", "m"), 3)
    assert columns_of(rows, 2) == (("z", "a"), 3)


def test_a_schema_of_rows_without_a_model_keeps_what_they_show() -> None:
    rows = [b'{"id":1,"extra":{"x":1},"when":null}', b'{"id":2.5,"when":"2026-01-02T03:04:05Z"}']

    columns = schema_of(rows).columns

    assert [(column.name, column.type) for column in columns] == [
        ("id", "json"),
        ("when", "time"),
        ("extra", "json"),
    ]


# names


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["uuid", "properties.$os"], ("uuid", "properties_os")),
        (["a.b", "a_b", "A-B"], ("a_b", "a_b_2", "A_B_3")),
        (["9lives", "_rest", "$$$", "ключ"], ("_9lives", "_rest", "column", "column_2")),
        (["x" * 200], ("x" * 120,)),
        (["a_2", "a", "a"], ("a_2", "a", "a_3")),
    ],
)
def test_names_for_warehouses_are_plain_and_all_different(
    names: list[str], safe: tuple[str, ...]
) -> None:
    assert safe_names(names) == safe


# types


@pytest.mark.parametrize(
    ("column_type", "value", "cell"),
    [
        ("text", "a", "a"),
        ("text", {"a": 2}, '{"a":2}'),
        ("text", "\ud800", "\\ud800"),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 2**63, UNFIT),
        ("integer", True, UNFIT),
        ("number", 2**53, float(2**53)),
        ("number", 2**53 + 1, UNFIT),
        ("number", "1", UNFIT),
        ("boolean", 1, UNFIT),
        ("time", "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("time", "2026-01-02T03:04:05.123456700Z", UNFIT),
        ("time", 7, UNFIT),
        ("time_ns", "1970-01-01T00:00:00.000000001Z", 1),
        ("time_ns", "9999-01-01T00:00:00Z", UNFIT),
        ("time_ns", None, UNFIT),
        ("texts", ["a", "\ud800"], ["a", "\\ud800"]),
        ("texts", ["a", 1], UNFIT),
        ("json", [1, None], "[1,null]"),
    ],
)
def test_a_value_becomes_a_cell_or_does_not_fit(
    column_type: ColumnType, value: Any, cell: Any
) -> None:
    assert CONVERTERS[column_type](value) == cell


@pytest.mark.parametrize(
    ("value", "column_type"),
    [
        (None, None),
        ("a", "text"),
        ("2026-01-02T03:04:05Z", "time"),
        ("2026-13-02T03:04:05Z", "text"),
        ("2026-01-02T03:04:05.1234567Z", "text"),
        (True, "boolean"),
        (1, "integer"),
        (2**70, "json"),
        (1.5, "number"),
        (["a"], "texts"),
        ({}, "json"),
    ],
)
def test_the_narrowest_type_holds_a_value_exactly(
    value: Any, column_type: ColumnType | None
) -> None:
    assert type_of(value) == column_type


def test_types_of_two_rows_are_joined() -> None:
    assert widest_type(None, "integer") == "integer"
    assert widest_type("time", "text") == "text"
    assert widest_type("integer", "number") == "json"
