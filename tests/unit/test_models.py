"""The models: odd persons, filters checked before they are sent, Max's answers.

See docs/server.md, Persons list, Persisted folders, Logs and Max tools.
"""

import json
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest

from posthog_env_async import (
    APIKeyInfo,
    ConfigurationError,
    InsightAnswer,
    LogEntry,
    PersistedFolder,
    Person,
    Project,
    PropertyFilter,
    ResponseDecodeError,
)
from posthog_env_async.converter import load_page, structure
from posthog_env_async.models import FOLDER_ROWS, LOG_ROWS, PERSON_ROWS, PROJECT_ROWS

FIXTURES = Path(__file__).parent.parent / "fixtures"
UUID_TEXT = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"
PLAIN: Mapping[str, Any] = {
    "type": "person",
    "id": UUID_TEXT,
    "uuid": UUID_TEXT,
    "created_at": "2026-03-02T09:15:44.120000Z",
    "last_seen_at": "2026-09-01T22:00:00Z",
    "properties": {"email": "ada@example.com", "plan": "scale"},
    "is_identified": True,
    "name": "ada@example.com",
    "distinct_ids": ["ada", "anon"],
}


def read_in(row: bytes) -> Person:
    """Read a row as a page of its own."""
    page = load_page(b'{"results": [' + row + b"]}", PERSON_ROWS)
    if page.failure is not None:
        raise page.failure
    return PERSON_ROWS.item(page.rows[0])


def person(**fields: Any) -> Person:
    return read_in(json.dumps({**PLAIN, **fields}).encode())


def person_without(name: str) -> Person:
    return read_in(json.dumps({k: v for k, v in PLAIN.items() if k != name}).encode())


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


# persons


def test_a_person_of_a_list_has_its_fields() -> None:
    ada = person()

    assert ada.uuid == UUID(UUID_TEXT)
    assert ada.id == UUID_TEXT
    assert ada.name == "ada@example.com"
    assert ada.distinct_ids == ("ada", "anon")
    assert ada.created_at == datetime(2026, 3, 2, 9, 15, 44, 120_000, UTC)
    assert ada.last_seen_at == datetime(2026, 9, 1, 22, tzinfo=UTC)
    assert ada.is_identified is True
    assert ada.properties["email"] == "ada@example.com"
    assert ada.extra == {"type": "person"}


@pytest.mark.parametrize("name", [None, 7, 7.5, True, ["a"], {"a": 1}, 2**70])
def test_a_name_may_be_anything(name: Any) -> None:
    assert person(name=name).name == name


@pytest.mark.parametrize("id_", [None, 4711, "text", 2**70])
def test_an_id_may_be_a_number_a_text_or_nothing(id_: Any) -> None:
    assert person(id=id_).id == id_


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("name", None),
        ("created_at", None),
        ("last_seen_at", None),
        ("is_identified", None),
        ("properties", {}),
        ("distinct_ids", ()),
    ],
)
def test_a_missing_field_reads_as_nothing(field: str, value: Any) -> None:
    assert getattr(person_without(field), field) == value


def test_null_properties_read_as_empty() -> None:
    assert person(properties=None).properties == {}


def test_whole_numbers_stay_exact() -> None:
    row = json.dumps({**PLAIN, "properties": {"a": 2**64 + 1, "b": 2**63 + 1}}).encode()

    assert PERSON_ROWS.read(row).properties == {"a": 2**64 + 1, "b": 2**63 + 1}


def test_a_lone_surrogate_costs_nothing() -> None:
    ada = person(properties={"nickname": "\ud800"}, name="\udfff")

    assert ada.properties["nickname"] == "\ud800"
    assert ada.name == "\udfff"
    assert ada.uuid == UUID(UUID_TEXT)


def test_nan_is_read_as_the_standard_library_does() -> None:
    row = json.dumps({**PLAIN, "properties": {"cost": float("nan")}}).encode()

    assert str(PERSON_ROWS.read(row).properties["cost"]) == "nan"


def test_unknown_fields_stay_readable() -> None:
    assert person(brand_new={"level": [1]}).extra == {"type": "person", "brand_new": {"level": [1]}}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"distinct_ids": [1]}, "$.distinct_ids"),
        ({"created_at": 7}, "$.created_at"),
        ({"uuid": None}, "$.uuid"),
        ({"last_seen_at": 7}, "$.last_seen_at"),
        ({"is_identified": "secret-value"}, "$.is_identified"),
        ({"id": [1]}, "$.id"),
    ],
)
def test_a_wrong_field_of_a_person_is_named(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(ResponseDecodeError, match=f"@ \\{path}") as caught:
        person(**fields)

    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    "odd", [{"uuid": None}, {"uuid": UUID_TEXT, "distinct_ids": "secret-value"}, [], 7]
)
def test_a_page_can_be_read_without_its_bad_rows(odd: Any) -> None:
    rows = [PLAIN, odd, PLAIN]

    page = load_page(json.dumps({"results": rows}).encode(), PERSON_ROWS, skip_bad_rows=True)

    assert (page.bad_rows, page.failure) == ((1,), None)
    assert page.keys[0] == page.keys[2] == UUID_TEXT
    assert (len(page.rows), len(page.keys)) == (3, 3)


def test_a_page_of_models_can_be_read_without_its_bad_rows() -> None:
    body = b'{"results": [{"id": 1}, {"id": "x"}, {"id": 3}]}'

    page = load_page(body, PROJECT_ROWS, skip_bad_rows=True)

    assert page.bad_rows == (1,)
    assert [page.rows[place].id for place in (0, 2)] == [1, 3]


def test_a_short_page_is_checked_at_once() -> None:
    rows = [PLAIN, {**PLAIN, "distinct_ids": "wrong"}]

    page = load_page(json.dumps({"results": rows}, separators=(",", ":")).encode(), PERSON_ROWS)

    assert "$.distinct_ids" in str(page.failure)
    assert len(page.rows) == 1


def test_a_long_page_is_checked_when_it_is_looked_at() -> None:
    rows = [PLAIN, {**PLAIN, "distinct_ids": "wrong"}, *[PLAIN] * 100]
    text = json.dumps({"results": rows}, separators=(",", ":")).encode()

    page = load_page(text, PERSON_ROWS)
    persons = PERSON_ROWS.items(page.rows)

    assert page.failure is None
    with pytest.raises(ResponseDecodeError, match="distinct_ids"):
        assert persons[1].distinct_ids
    assert load_page(text, PERSON_ROWS, skip_bad_rows=True).bad_rows == (1,)


def test_a_row_that_begins_otherwise_is_checked_at_once() -> None:
    rows = [PLAIN, {"uuid": UUID_TEXT, "distinct_ids": "wrong"}, *[PLAIN] * 100]

    page = load_page(json.dumps({"results": rows}).encode(), PERSON_ROWS)

    assert "$.distinct_ids" in str(page.failure)
    assert len(page.rows) == 1


def test_a_person_without_uuid_is_none() -> None:
    with pytest.raises(ResponseDecodeError, match=r"required field missing @ \$\.uuid"):
        person_without("uuid")


@pytest.mark.parametrize("row", [b"[]", b"7", b'"x"', b"null", b"[NaN]"])
def test_a_row_that_is_not_an_object_is_not_a_person(row: bytes) -> None:
    with pytest.raises(ResponseDecodeError, match="Person"):
        PERSON_ROWS.read(row)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("uuid", "secret-value", "a UUID"),
        ("created_at", "secret-value", "a time"),
        ("last_seen_at", "secret-value", "a time"),
        ("properties", ["secret-value"], "dict"),
    ],
)
def test_what_is_decoded_on_first_use_is_checked_then(
    field: str, value: Any, expected: str
) -> None:
    odd = person(**{field: value})

    with pytest.raises(ResponseDecodeError) as caught:
        str(getattr(odd, field))

    assert f"expected {expected} @ $.{field}" in str(caught.value)
    assert "secret-value" not in str(caught.value)
    assert caught.value.__context__ is None


def test_properties_are_decoded_once() -> None:
    ada = person()

    assert ada.properties is ada.properties


def test_a_person_is_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        person().name = "x"  # type: ignore[misc]  # pyright: ignore


def test_a_person_is_the_same_whichever_way_its_page_was_read() -> None:
    row = json.dumps(PLAIN, separators=(",", ":")).encode()

    alone, beside_an_odd_one = read_in(row), PERSON_ROWS.read(row)

    assert alone == beside_an_odd_one
    assert hash(alone) == hash(beside_an_odd_one)
    assert alone.extra == beside_an_odd_one.extra
    assert alone.properties == beside_an_odd_one.properties


def test_a_person_pickles() -> None:
    ada = person(brand_new=1)

    again = pickle.loads(pickle.dumps(ada))  # noqa: S301 - made right here

    assert (again, again.properties, again.extra) == (ada, ada.properties, ada.extra)


def test_persons_are_equal_when_their_rows_are() -> None:
    assert person() == person()
    assert hash(person()) == hash(person())
    assert person() != person(name="x")
    assert person() != "x"


def test_a_persons_repr_shows_no_personal_value() -> None:
    assert repr(person()) == f"Person(uuid='{UUID_TEXT}')"


def test_a_person_whose_uuid_is_none_has_a_repr_without_it() -> None:
    bad = PERSON_ROWS.item(b'{"uuid": "ada@example.com"}')

    assert repr(bad) == "Person(uuid=<not a UUID>)"


# answers of each server version


@pytest.mark.parametrize(
    ("name", "rows", "count"),
    [
        ("persons_new.json", PERSON_ROWS, 3),
        ("persons_mid.json", PERSON_ROWS, 2),
        ("persons_old.json", PERSON_ROWS, 2),
        ("persisted_folders.json", FOLDER_ROWS, 2),
        ("logs_new.json", LOG_ROWS, 2),
        ("logs_old.json", LOG_ROWS, 1),
        ("projects.json", PROJECT_ROWS, 2),
    ],
)
def test_every_row_that_a_server_version_sends_is_read(name: str, rows: Any, count: int) -> None:
    page = load_page(fixture(name), rows)

    assert page.failure is None
    assert len(set(page.keys)) == len(rows.items(page.rows)) == count


def test_a_retrieved_person_has_a_number_as_id() -> None:
    ada = PERSON_ROWS.read(fixture("person.json"))

    assert (ada.id, ada.uuid, ada.last_seen_at) == (4711, UUID(UUID_TEXT), None)


def test_the_person_of_the_public_reference_is_read() -> None:
    ada = PERSON_ROWS.read(fixture("person_of_the_reference.json"))

    assert (ada.id, ada.properties) == (0, {})
    assert ada.created_at == datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)


def test_the_keys_own_record_is_read() -> None:
    info = structure(APIKeyInfo, json.loads(fixture("key.json")))

    assert info.scopes == ("person:read",)
    assert (info.scoped_teams, info.scoped_organizations) == ((1, 2), ())
    assert info.extra["user_id"] == 7


def test_a_log_entry_is_read() -> None:
    entry = load_page(fixture("logs_new.json"), LOG_ROWS).rows[0]

    assert isinstance(entry, LogEntry)
    assert (entry.level, entry.severity_number) == ("error", 17)
    assert entry.attributes == {"http.status_code": "504"}
    assert entry.resource_fingerprint == "1234567890123456789"
    assert entry.extra == {"custom_column": "x"}


def test_folders_and_projects_are_read() -> None:
    folder = load_page(fixture("persisted_folders.json"), FOLDER_ROWS).rows[0]
    project = load_page(fixture("projects.json"), PROJECT_ROWS).rows[0]

    assert isinstance(folder, PersistedFolder)
    assert isinstance(project, Project)
    assert (folder.type, project.id) == ("home", 1)


@pytest.mark.parametrize("kind", ["LogEntry", "PersistedFolder", "Project"])
def test_no_repr_shows_what_a_user_wrote(kind: str) -> None:
    made = {
        "LogEntry": LogEntry(UUID(UUID_TEXT), body="private", attributes={"a": "private"}),
        "PersistedFolder": PersistedFolder(UUID(UUID_TEXT), "home", extra={"a": "private"}),
        "Project": Project(1, extra={"a": "private"}),
    }

    assert "private" not in repr(made[kind])


# Max


def insight(name: str) -> InsightAnswer:
    return InsightAnswer(tuple(json.loads(fixture(name))))


def test_an_insight_has_its_query_and_its_text() -> None:
    answer = insight("insight.json")

    assert answer.query == {"kind": "TrendsQuery", "series": []}
    assert not answer.failed
    assert answer.text == "Results: 42"


def test_an_insight_that_failed_says_so() -> None:
    answer = insight("insight_failed.json")

    assert answer.failed
    assert answer.query is None
    assert answer.text == "Oops! I could not."


def test_entries_of_kinds_unknown_are_kept() -> None:
    answer = InsightAnswer(({"type": "new", "data": None}, {"type": "newer"}, {"data": [1]}))

    assert len(answer.entries) == 3
    assert (answer.query, answer.failed, answer.text) == (None, False, "")


def test_an_insight_whose_answer_is_not_a_query_has_none() -> None:
    assert InsightAnswer(({"data": {"type": "ai/viz", "answer": "x"}},)).query is None


def test_a_generation_error_is_a_failure() -> None:
    assert InsightAnswer(({"data": {"type": "generation_error"}},)).failed


# filters


@pytest.mark.parametrize(
    ("condition", "wire"),
    [
        (
            PropertyFilter("email", "@example.com", operator="icontains"),
            {"key": "email", "value": "@example.com", "operator": "icontains", "type": "person"},
        ),
        (
            PropertyFilter("plan", ("scale", "enterprise")),
            {
                "key": "plan",
                "value": ["scale", "enterprise"],
                "operator": "exact",
                "type": "person",
            },
        ),
        (
            PropertyFilter("churned_at", operator="is_set"),
            {"key": "churned_at", "value": "is_set", "operator": "is_set", "type": "person"},
        ),
        (
            PropertyFilter("churned_at", "x", operator="is_not_set"),
            {
                "key": "churned_at",
                "value": "is_not_set",
                "operator": "is_not_set",
                "type": "person",
            },
        ),
        (
            PropertyFilter("message", "timeout", type="log"),
            {"key": "message", "value": "timeout", "operator": "exact", "type": "log"},
        ),
        (
            PropertyFilter("visits", [1, 2.5, True]),
            {"key": "visits", "value": [1, 2.5, True], "operator": "exact", "type": "person"},
        ),
    ],
)
def test_a_filter_is_sent_with_every_key_explicit(
    condition: PropertyFilter, wire: dict[str, Any]
) -> None:
    assert condition.wire() == wire


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": 7, "value": "x"},
        {"key": "a"},
        {"key": "a", "value": None},
        {"key": "a", "value": []},
        {"key": "a", "value": [None]},
        {"key": "a", "value": {"b": 1}},
        {"key": "a", "value": "x", "operator": "like"},
        {"key": "a", "value": "x", "type": "event"},
    ],
)
def test_a_filter_that_the_server_answers_with_500_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="of a filter must be"):
        PropertyFilter(**wrong)


def test_a_filter_knows_whether_it_is_for_logs() -> None:
    assert PropertyFilter("a", "x", type="log_attribute").is_for_logs
    assert not PropertyFilter("a", "x", type="cohort").is_for_logs


def test_a_filters_repr_does_not_show_its_value() -> None:
    assert "ada" not in repr(PropertyFilter("email", "ada@example.com"))
