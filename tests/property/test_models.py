"""Whatever a later server adds or leaves out, what is known is read as it was sent."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async import PersistedFolder, Person, PropertyFilter, ResponseDecodeError
from posthog_env_async.converter import BYTES_ROWS, DICT_ROWS, dump, load, load_page, structure
from posthog_env_async.models import LOG_ROWS, PERSON_ROWS

# Lone surrogates and whole numbers of any size are JSON, and PostHog sends both.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    texts,
    st.integers(2**63, 2**70),
)
anything = st.recursive(
    scalars,
    lambda deeper: st.one_of(
        st.lists(deeper, max_size=3), st.dictionaries(texts, deeper, max_size=3)
    ),
    max_leaves=8,
)
times = st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given one here
stamps = st.builds(
    lambda time, zone: time.isoformat().replace("+00:00", zone),
    times,
    st.sampled_from(["Z", "+00:00", ""]),
)
persons = st.fixed_dictionaries(
    {"uuid": st.uuids().map(str)},
    optional={
        "id": st.one_of(st.none(), st.integers(), texts),
        "name": anything,
        "created_at": st.one_of(st.none(), stamps),
        "last_seen_at": st.one_of(st.none(), stamps),
        "distinct_ids": st.one_of(st.none(), st.lists(texts, max_size=4)),
        "properties": st.one_of(st.none(), st.dictionaries(texts, anything, max_size=4)),
        "is_identified": st.one_of(st.none(), st.booleans()),
    },
)
known = {"uuid", "id", "name", "created_at", "last_seen_at", "distinct_ids", "properties"} | {
    "is_identified"
}
unknown = st.dictionaries(texts.filter(lambda name: name not in known), anything, max_size=4)


@given(fields=persons, later=unknown, escaped=st.booleans(), quick=st.booleans())
def test_a_person_is_read_as_it_was_sent(
    fields: dict[str, Any], later: dict[str, Any], escaped: bool, quick: bool
) -> None:
    read = read_in_a_page if quick else PERSON_ROWS.read
    row = json.dumps({**fields, **later}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    if not escaped and not readable(row):
        return

    person = read(row)

    assert person.to_json() == row
    assert all(person.get_property(k) == v for k, v in (fields.get("properties") or {}).items())
    assert str(person.uuid) == fields["uuid"]
    assert person.id == fields.get("id")
    assert person.name == fields.get("name")
    assert person.distinct_ids == tuple(fields.get("distinct_ids") or ())
    assert person.properties == (fields.get("properties") or {})
    assert person.is_identified == fields.get("is_identified")
    assert person.extra == later
    for name in ("created_at", "last_seen_at"):
        assert getattr(person, name) == moment(fields.get(name))
    assert person.to_json() == row
    assert person.to_dict() == {**fields, **later}
    assert Person.from_dict(person.to_dict()) == person


@given(rows=st.lists(anything, max_size=5), count=st.one_of(st.none(), st.integers(0, 2**40)))
def test_a_page_gives_every_row(rows: list[Any], count: int | None) -> None:
    body = json.dumps({"results": rows, "next": None, "count": count}).encode()

    page = load_page(body, BYTES_ROWS)

    assert [load(row) for row in page.rows] == rows
    assert page.count == count


@given(row=st.dictionaries(texts, anything, max_size=5))
def test_undecoded_and_plain_rows_are_known_by_the_same_name(row: dict[str, Any]) -> None:
    named = {**row, "uuid": "018f3c1e"}
    text = dump(named)

    assert BYTES_ROWS.key(BYTES_ROWS.read(text)) == DICT_ROWS.key(DICT_ROWS.read(text))


@given(
    names=st.lists(
        st.uuids().map(str) | st.sampled_from(["short", 'quo"te', "\u00e4"]), max_size=6
    ),
    odd=st.none() | st.tuples(st.integers(0, 5), st.dictionaries(texts, anything, max_size=3)),
)
def test_pages_of_undecoded_and_of_plain_rows_have_the_same_keys(
    names: list[str], odd: tuple[int, dict[str, Any]] | None
) -> None:
    rows: list[Any] = [{"type": "person", "id": name, "uuid": name, "n": names} for name in names]
    if odd is not None:
        rows.insert(odd[0], {**odd[1], "id": 7, "uuid": None})
    body = json.dumps({"results": rows}, separators=(",", ":"), ensure_ascii=False)
    text = body.encode("utf-8", "surrogatepass")

    assert load_page(text, BYTES_ROWS).keys == load_page(text, DICT_ROWS).keys


@given(value=anything)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert load(dump(value)) == value


@given(value=anything)
def test_whatever_comes_is_a_model_or_our_own_error(value: Any) -> None:
    for read in (
        PERSON_ROWS.read,
        LOG_ROWS.read,
        lambda row: structure(PersistedFolder, load(row)),
    ):
        with suppress(ResponseDecodeError):
            read(dump(value))


@given(body=st.binary(max_size=60))
def test_whatever_bytes_come_are_a_page_or_our_own_error(body: bytes) -> None:
    for read in (read_a_page, load, PERSON_ROWS.read):
        with suppress(ResponseDecodeError):
            read(body)


@given(
    key=texts.filter(bool),
    value=st.one_of(texts, st.integers(), st.booleans(), st.lists(texts, min_size=1, max_size=3)),
    operator=st.sampled_from(["exact", "is_not", "icontains", "is_set", "is_not_set"]),
)
def test_a_filter_is_five_keys_at_most_and_json(key: str, value: Any, operator: str) -> None:
    wire = PropertyFilter(key, value, operator).wire()

    assert set(wire) == {"key", "value", "operator", "type"}
    assert load(dump(wire)) == wire


def read_in_a_page(row: bytes) -> Person:
    (person,) = load_page(b'{"results":[' + row + b"]}", PERSON_ROWS).rows
    return PERSON_ROWS.item(person)


def read_a_page(body: bytes) -> object:
    return load_page(body, PERSON_ROWS)


def readable(row: bytes) -> bool:
    try:
        row.decode()
    except UnicodeDecodeError:
        return False
    return True


def moment(stamp: str | None) -> datetime | None:
    if stamp is None:
        return None
    time = datetime.fromisoformat(stamp)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
