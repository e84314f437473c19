"""Every model is a value: built by hand, compared, copied, pickled, changed, written and read."""

import copy
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
    ActivityEntry,
    APIKeyInfo,
    Cohort,
    ConfigurationError,
    DeletionError,
    DeletionSummary,
    HomeFolder,
    InsightAnswer,
    LogAttribute,
    LogAttributeValue,
    LogBucket,
    LogEntry,
    LogService,
    PersistedFolder,
    Person,
    PersonDeletion,
    Project,
    PropertyValue,
    ResponseDecodeError,
)
from posthog_env_async.converter import load_page, with_text
from posthog_env_async.models import (
    FOLDER_ROWS,
    KEY_ROWS,
    LOG_ROWS,
    PERSON_ROWS,
    PROJECT_ROWS,
    rows_of,
)

FIXTURES = Path(__file__).parent.parent / "fixtures"
UUID_TEXT = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"
MOMENT = datetime(2026, 3, 2, 9, 15, 44, 120_000, UTC)
SECRET = "jane@corp.example"

BUILT: Mapping[str, Any] = {
    "person": Person(
        uuid=UUID_TEXT,
        name=SECRET,
        distinct_ids=[SECRET],
        created_at="2026-03-02T09:15:44.120000Z",
        properties={"email": SECRET, "plan": {"seats": 2**70}},
        extra={"type": "person", "note": SECRET},
    ),
    "folder": PersistedFolder(id=UUID_TEXT, type="home", path=SECRET, created_at=MOMENT),
    "log": LogEntry(uuid=UUID_TEXT, body=SECRET, timestamp=MOMENT, attributes={"user": SECRET}),
    "insight": InsightAnswer(entries=[{"type": "message", "data": {"content": SECRET}}]),
    "project": Project(id=1, name=SECRET, extra={"owner": SECRET}),
    "key": APIKeyInfo(scopes=["person:read"], label=SECRET, scoped_teams=[1]),
    "cohort": Cohort(id=1, name=SECRET, created_at=MOMENT, filters={"email": SECRET}),
    "activity": ActivityEntry(id="1", created_at=MOMENT, user={"email": SECRET}),
    "value": PropertyValue(name=SECRET, count=3),
    "deletion": PersonDeletion(person_uuid=UUID_TEXT, created_at=MOMENT),
    "deleted": DeletionSummary(found=2, errors=[DeletionError(UUID_TEXT, extra={"a": SECRET})]),
    "home": HomeFolder(id=UUID_TEXT, path=SECRET),
    "bucket": LogBucket(time=MOMENT, count=2, level="info"),
    "attribute": LogAttribute(name="http.method"),
    "attribute-value": LogAttributeValue(name=[SECRET], extra={"id": SECRET}),
    "service": LogService(name="api", count=1),
}


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def row_of(name: str, rows: Any) -> Any:
    page = load_page(fixture(name), rows)
    return rows.items(page.rows)[0]


def read_models() -> Mapping[str, Any]:
    """Make a model of each kind that came from the server: anew, since a look at it changes it."""
    entries = fixture("insight.json")
    return {
        "person": row_of("persons_new.json", PERSON_ROWS),
        "folder": row_of("persisted_folders.json", FOLDER_ROWS),
        "log": row_of("logs_new.json", LOG_ROWS),
        "insight": with_text(InsightAnswer(json.loads(entries)), entries),
        "project": row_of("projects.json", PROJECT_ROWS),
        "key": KEY_ROWS.read(fixture("key.json")),
    }


KINDS = sorted(read_models())
MODELS = [*(("built", kind) for kind in BUILT), *(("read", kind) for kind in KINDS)]


@pytest.fixture(params=MODELS, ids="-".join)
def model(request: pytest.FixtureRequest) -> Any:
    origin, kind = request.param
    return copy.copy(BUILT[kind]) if origin == "built" else read_models()[kind]


def test_its_attrs_fields_are_its_public_fields(model: Any) -> None:
    names = [field.name for field in attrs.fields(type(model))]

    assert names
    assert not any(name.startswith("_") for name in names)
    assert set(attrs.asdict(model)) == set(names)


def test_a_copy_is_equal_and_hashes_alike(model: Any) -> None:
    for again in (
        copy.copy(model),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301 - made right here
        attrs.evolve(model),
    ):
        assert again == model
        assert hash(again) == hash(model)
        assert type(again) is type(model)


def test_a_copy_is_written_alike(model: Any) -> None:
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301 - as above
        assert again.to_json() == model.to_json()


def test_it_is_frozen(model: Any) -> None:
    name = attrs.fields(type(model))[0].name

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(model, name, None)


def test_its_dictionary_reads_back_as_an_equal_model(model: Any) -> None:
    fields = json.loads(json.dumps(model.to_dict()))

    assert type(model).from_dict(fields) == model


def test_its_dictionary_is_its_json(model: Any) -> None:
    written = json.loads(model.to_json())

    assert model.to_dict() == (
        {"entries": written} if isinstance(model, InsightAnswer) else written
    )
    assert vars(model) == model.to_dict()


def test_its_repr_shows_no_personal_value(model: Any) -> None:
    assert SECRET not in repr(model)
    assert type(model).__name__ in repr(model)


def test_a_printer_that_goes_by_fields_shows_no_personal_value_of_a_person() -> None:
    # rich and others print an attrs class by those of its fields that are in its repr.
    assert [field.name for field in attrs.fields(Person) if field.repr] == ["uuid"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_model_is_another_one(kind: str) -> None:
    model = read_models()[kind]
    last = attrs.fields(type(model))[-1].name
    changed = {"entries": ()} if last == "entries" else {last: {"new": 1}}

    other = attrs.evolve(model, **changed)

    assert other != model
    assert b"new" in other.to_json() or other.to_json() == b"[]"


def test_json_is_byte_for_byte_what_the_server_sent() -> None:
    row = b'{ "uuid": "%b",\n "name": "\\u00e4", "new": 1e2, "properties": {"a": 1.0} }'
    row %= UUID_TEXT.encode()
    person = PERSON_ROWS.read(row)

    assert (person.name, person.properties, person.extra) == ("ä", {"a": 1.0}, {"new": 100.0})
    assert person.to_json() == row


def test_only_what_identifies_a_person_is_needed() -> None:
    person = Person(uuid=UUID_TEXT)

    assert person.uuid == UUID(UUID_TEXT)
    assert person.to_dict() == {
        "uuid": UUID_TEXT,
        "id": None,
        "name": None,
        "distinct_ids": [],
        "is_identified": None,
        "created_at": None,
        "last_seen_at": None,
        "properties": {},
    }


def test_texts_are_taken_for_uuids_and_times() -> None:
    person = Person(uuid=UUID_TEXT, created_at="2026-03-02T09:15:44.12Z", properties=None)

    assert person == Person(uuid=UUID(UUID_TEXT), created_at=MOMENT, properties={})
    assert person.to_dict()["created_at"] == "2026-03-02T09:15:44.120000Z"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"uuid": "secret-value"}, "a uuid must be a UUID or its text"),
        ({"uuid": 7}, "a uuid must be a UUID or its text"),
        ({"uuid": UUID_TEXT, "created_at": "secret-value"}, "a time must be"),
        ({"uuid": UUID_TEXT, "distinct_ids": "secret-value"}, "list of texts"),
        ({"uuid": UUID_TEXT, "properties": ["secret-value"]}, "must be mappings"),
        ({"uuid": None}, "Person needs uuid"),
        ({"secret-value": 1}, "Person needs uuid"),
    ],
)
def test_what_makes_no_person_is_refused_without_its_value(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Person.from_dict(fields)

    assert "secret-value" not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_is_no_mapping_makes_no_model() -> None:
    with pytest.raises(ConfigurationError, match="needs a mapping"):
        Person.from_dict([])  # type: ignore[arg-type]  # pyright: ignore


def test_properties_are_a_plain_dict() -> None:
    person = read_models()["person"]

    assert type(person.properties) is dict
    assert person.properties is person.properties


def test_changed_properties_are_seen_by_everything() -> None:
    person = read_models()["person"]
    person.properties["added"] = 1

    assert person.get_property("added") == 1
    assert person.to_dict()["properties"]["added"] == 1
    assert json.loads(person.to_json())["properties"]["added"] == 1
    assert pickle.loads(pickle.dumps(person)) == person  # noqa: S301 - made right here
    assert copy.deepcopy(person).properties == person.properties


def test_properties_that_were_only_looked_at_leave_the_json_as_it_was_sent() -> None:
    row = b'{"uuid": "%b", "properties": {"cost": NaN, "big": 18446744073709551617}}'
    person = PERSON_ROWS.read(row % UUID_TEXT.encode())

    assert person.properties["big"] == 2**64 + 1
    assert person.to_json() == row % UUID_TEXT.encode()


PROPERTIES = {"email": "b", "n": 2**64 + 1, "odd": "\ud800", 'quo"te': 1, "": 2, "none": None}


@pytest.mark.parametrize("key", [*PROPERTIES, "missing", "\ud800", "back\\slash"])
@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("decoded", [True, False])
def test_one_property_reads_as_in_the_dict(key: str, odd: bool, decoded: bool) -> None:
    properties = {k: v for k, v in PROPERTIES.items() if odd or k != "odd"}
    person = PERSON_ROWS.read(json.dumps({"uuid": UUID_TEXT, "properties": properties}).encode())
    if decoded:
        assert person.properties == properties

    assert person.get_property(key) == properties.get(key)
    assert person.get_property(key, "default") == properties.get(key, "default")


def test_any_number_of_properties_can_be_read_alone() -> None:
    properties = {f"key {number}": number for number in range(600)}
    person = PERSON_ROWS.read(json.dumps({"uuid": UUID_TEXT, "properties": properties}).encode())

    assert {key: person.get_property(key) for key in (*properties, "key 0")} == properties


def test_a_built_person_has_its_properties() -> None:
    person = Person(uuid=UUID_TEXT, properties={"email": "a"})

    assert (person.get_property("email"), person.get_property("plan", 7)) == ("a", 7)


@pytest.mark.parametrize("properties", [b"null", b"{}"])
def test_no_properties_have_none(properties: bytes) -> None:
    row = b'{"uuid": "%b", "properties": %b}' % (UUID_TEXT.encode(), properties)
    person = PERSON_ROWS.read(row)

    assert person.get_property("email", 7) == 7
    assert person.properties == {}


def test_properties_that_are_no_object_are_told_of_when_one_is_read() -> None:
    person = PERSON_ROWS.item(b'{"uuid": "%b", "properties": [1]}' % UUID_TEXT.encode())

    with pytest.raises(ResponseDecodeError, match=r"expected dict @ \$\.properties"):
        person.get_property("email")


def test_a_person_that_is_kept_does_not_keep_its_page() -> None:
    text = PERSON_ROWS.read(b'{"uuid": "%b"}' % UUID_TEXT.encode()).to_json()
    page = load_page(b'{"results": [%b, %b]}' % (text, text), PERSON_ROWS)

    assert all(type(row) is bytes and len(row) == len(text) for row in page.rows)


@pytest.mark.parametrize(("ids", "cut"), [(999, False), (1000, True)])
def test_a_person_says_when_a_list_may_have_left_ids_out(ids: int, cut: bool) -> None:
    listed = Person(uuid=UUID_TEXT, id=UUID_TEXT, distinct_ids=[str(n) for n in range(ids)])

    assert listed.may_lack_distinct_ids is cut
    assert not attrs.evolve(listed, id=4711).may_lack_distinct_ids


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01.123456789Z", 1_123_456_789),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T01:00:01.5+01:00", 1_500_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_nanoseconds_of_a_log_entry_are_exact(text: str, nanoseconds: int) -> None:
    entry = LOG_ROWS.read(
        json.dumps({"uuid": UUID_TEXT, "timestamp": text, "observed_timestamp": text}).encode()
    )

    assert (entry.timestamp_ns, entry.observed_timestamp_ns) == (nanoseconds, nanoseconds)


def test_a_log_entry_without_time_has_no_nanoseconds() -> None:
    assert LogEntry(uuid=UUID_TEXT).timestamp_ns is None


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "message", "data": {"type": "ai/artifact", "artifact_id": "a"}},
        {"type": "message", "data": {"type": "ai/notebook", "notebook_id": "n"}},
        {"type": "notebook", "notebook_id": "n"},
    ],
)
def test_an_insight_that_comes_as_an_artifact_says_so(entry: dict[str, Any]) -> None:
    answer = InsightAnswer([{"type": "message", "data": {"type": "ack"}}, entry])

    assert answer.artifacts == (entry,)
    assert (answer.query, answer.failed) == (None, False)


def test_ours_are_read_the_quick_way_and_any_attrs_class_field_by_field() -> None:
    assert rows_of(Person) is PERSON_ROWS
    assert rows_of(LogEntry) is LOG_ROWS
    assert rows_of(Named).read(b'{"name": "a", "new": 1}') == Named("a")


@attrs.frozen
class Named:
    """A model of the caller's own."""

    name: str
