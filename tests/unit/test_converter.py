"""JSON becomes models: strict about types, calm about what it does not know.

See docs/server.md, Persons list and Errors.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import pytest

from posthog_env_async import APIKeyInfo, LogEntry, PersistedFolder, Project, ResponseDecodeError
from posthog_env_async.converter import (
    BYTES_ROWS,
    DICT_ROWS,
    NAMELESS,
    as_time,
    dump,
    load,
    load_page,
    load_page_in_turns,
    structure,
    structured_rows,
)

UUID_TEXT = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"
FOLDER = {"id": UUID_TEXT, "type": "home", "protocol": "products://", "path": "a"}


@pytest.mark.parametrize(
    "text",
    [
        b"null",
        b'{"a": [1, 2.5, true, "x"]}',
        b'{"big": 36893488147419103232}',
        b'{"lone": "\\ud800"}',
        b'{"cost": NaN, "more": -Infinity}',
        b'"\xc3\xa4"',
    ],
)
def test_json_is_read_as_the_standard_library_does(text: bytes) -> None:
    assert repr(load(text)) == repr(json.loads(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"{", "is not valid JSON"),
        (b"<html>", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        ('{"results": []}'.encode("utf-16"), "is not valid JSON"),
        ('{"results": []}'.encode("utf-32-be"), "is not valid JSON"),
        (b"[" * 200_000, "is not valid JSON"),
    ],
)
def test_what_is_no_json_may_pass(text: bytes, said: str) -> None:
    with pytest.raises(ResponseDecodeError, match=said) as caught:
        load(text)

    assert caught.value.retryable
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_value_is_written_compact() -> None:
    assert dump({"a": [1, "ä"]}) == b'{"a":[1,"\\u00e4"]}'


def test_a_page_gives_its_rows_undecoded() -> None:
    body = b'{"results": [{"id": 1}, {"id": 2}], "next": "u", "previous": null, "count": 7}'

    page = load_page(body, BYTES_ROWS)

    assert page.rows == [b'{"id": 1}', b'{"id": 2}']
    assert (page.keys, page.length) == (["1", "2"], 2)
    assert (page.next, page.count, page.cursor, page.has_more) == ("u", 7, None, None)
    assert page.failure is None


def test_a_page_by_cursor_gives_its_cursor() -> None:
    body = b'{"results": [], "hasMore": true, "nextCursor": "abc", "query": []}'

    page = load_page(body, DICT_ROWS)

    assert (page.cursor, page.has_more) == ("abc", True)


@pytest.mark.parametrize("rows", [BYTES_ROWS, DICT_ROWS], ids=["bytes", "dict"])
def test_a_poisoned_row_does_not_cost_the_page(rows: Any) -> None:
    body = b'{"results": [{"id": "a"}, {"id": NaN}, {"id": "\\ud800"}], "next": "u", "count": 3}'

    page = load_page(body, rows)

    assert page.keys == ["a", "nan", "\ud800"]
    assert (page.length, page.next, page.count) == (3, "u", 3)


ROW = (
    '{"type":"person","id":"%s","uuid":"%s","created_at":"2026-03-02T09:15:44Z","properties":{%s}}'
)
ODD = {
    "surrogate": '"a":"\\ud800"',
    "surrogate-twice": '"a":["\\ud800"],"b":"\\udfff"',
    "nan": '"a":NaN',
    "infinity": '"a":[-Infinity]',
}
LIKE_A_ROW = [
    '"team":[{"type":"person","id":"x"},{"type":"person","id":"y"}]',
    '"text":"},{\\"type\\":\\"person\\",\\"id\\":\\""',
    '"results":[{"type":"person","id":"x"}],"next":"other"',
    '"text":"}]"',
]


def rows_with(*properties: str) -> list[bytes]:
    names = [f"018f3c1e-7a55-7c2b-9a11-{number:012}" for number in range(len(properties))]
    pairs = zip(names, properties, strict=True)
    return [(ROW % (name, name, text)).encode() for name, text in pairs]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("plain", ['"a":1', *LIKE_A_ROW])
@pytest.mark.parametrize("head", ["{", '{"count":3,', '{"meta":{"results":[{"type":"x"}]},'])
@pytest.mark.parametrize("between", [b",", b" , "], ids=["compact", "spaced"])
def test_rows_beside_one_that_msgspec_refuses_are_what_the_server_sent(
    odd: str, plain: str, head: str, between: bytes
) -> None:
    rows = rows_with(plain, odd, plain)
    body = head.encode() + b'"results":[' + between.join(rows) + b'],"next":"u","previous":null}'

    page = load_page(body, BYTES_ROWS)

    assert page.rows == rows
    assert page.keys == [json.loads(row)["uuid"] for row in rows]
    assert page.next == "u"


def test_of_two_lists_of_rows_beside_an_odd_one_the_last_counts() -> None:
    body = b'{"results":[%b],"next":null,"results":[7]}' % rows_with(ODD["nan"])[0]

    assert load_page(body, BYTES_ROWS).rows == [b"7"]


@pytest.mark.parametrize("plain", LIKE_A_ROW)
@pytest.mark.parametrize("odd", [None, *ODD.values()], ids=["plain", *ODD])
@pytest.mark.parametrize("head", ["{", '{"meta":{"results":[{"type":"x"}]},'])
def test_a_large_page_gives_the_same_rows_in_slices(plain: str, odd: str | None, head: str) -> None:
    filled = plain + ',"filler":"' + "x" * 30_000 + '"'
    rows = rows_with(*[filled] * 50, odd or filled, *[filled] * 50)
    body = head.encode() + b'"results":[' + b",".join(rows) + b'],"next":"u"}'

    page = load_page(body, BYTES_ROWS)

    assert page.rows == rows
    assert page.next == "u"


def test_a_large_page_that_is_broken_is_not_a_page() -> None:
    rows = rows_with(*['"filler":"' + "x" * 30_000 + '"'] * 100)
    whole = b",".join(rows)

    cut = whole[:2_000_000] + b'"' + whole[2_000_000:]
    for broken in (whole + b",", whole + b"}", whole[:-1], cut):
        with pytest.raises(ResponseDecodeError):
            load_page(b'{"results":[' + broken + b'],"next":null}', BYTES_ROWS)


async def test_a_large_page_lets_the_event_loop_have_its_turn() -> None:
    rows = rows_with(*['"filler":"' + "x" * 30_000 + '"'] * 150)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    page = await load_page_in_turns(b'{"results":[' + b",".join(rows) + b"]}", BYTES_ROWS)
    counting.cancel()

    assert page.rows == rows
    assert turns >= 3


async def test_models_that_are_structured_one_by_one_let_the_event_loop_have_its_turn() -> None:
    rows = [{"id": number} for number in range(1000)]
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await load_page_in_turns(json.dumps({"results": rows}).encode(), structured_rows(Strict))
    counting.cancel()

    assert turns >= 9


def test_a_page_that_is_broken_beside_an_odd_row_is_not_a_page() -> None:
    first, second = rows_with(ODD["nan"], '"a":1')

    for broken in (b"%b,%b,", b"%b,%b}", b"%b,%b,{", b"%b%b", b"%b,,%b"):
        with pytest.raises(ResponseDecodeError):
            load_page(b'{"results":[' + broken % (first, second) + b"]}", BYTES_ROWS)


@pytest.mark.parametrize("has_next", [True, False, None, "odd"])
def test_a_page_says_whether_the_server_has_more(has_next: Any) -> None:
    page = load_page(json.dumps({"results": [], "has_next": has_next}).encode(), BYTES_ROWS)

    assert page.has_next is (has_next if isinstance(has_next, bool) else None)


@pytest.mark.parametrize(
    "times",
    [
        ['"2026-03-02T09:15:44.120000Z"', '"2026-03-02T09:15:44Z"'],
        ['"2026-03-02T09:15:44Z"', "null"],
        ['"2026"', '"20\\u00326"'],
        ['"2026"', '"\u00e4"'],
    ],
)
@pytest.mark.parametrize(
    "head", ['{"id":"u1","uuid":"u1",', '{"uuid":"u1",', '{"uuid":"u1","x":1,']
)
def test_the_times_of_many_rows_are_those_of_each(times: list[str], head: str) -> None:
    rows = [f'{head}"created_at":{time}}}'.encode() for time in times]

    assert BYTES_ROWS.stamps(rows) == [json.loads(row)["created_at"] for row in rows]


def test_no_rows_have_no_times() -> None:
    assert BYTES_ROWS.stamps([]) == []


@pytest.mark.parametrize("rows", [BYTES_ROWS, DICT_ROWS], ids=["bytes", "dict"])
def test_rows_that_are_no_objects_are_read(rows: Any) -> None:
    page = load_page(b'{"results": [[2], 3, "x", null]}', rows)

    assert page.keys == [NAMELESS + text for text in ("[2]", "3", '"x"', "null")]


def test_rows_after_one_that_does_not_fit_wait_for_its_error() -> None:
    rows = structured_rows(Strict)

    page = load_page(b'{"results": [{"id": 1}, {"id": "x"}, {"id": 3}]}', rows)

    assert (page.rows, page.keys, page.length) == ([Strict(1)], ["1"], 3)
    assert "$.id" in str(page.failure)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("rows", [BYTES_ROWS, DICT_ROWS], ids=["bytes", "dict"])
def test_a_page_in_another_encoding_is_not_json(encoding: str, rows: Any) -> None:
    body = '{"results": [{"uuid": "1", "name": "Zoë"}], "next": null}'.encode(encoding)
    with pytest.raises(ResponseDecodeError, match="is not valid JSON") as caught:
        load_page(body, rows)

    assert caught.value.retryable


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"[]", "$.results"),
        (b"{}", "$.results"),
        (b'{"results": null}', "$.results"),
        (b'{"results": {}}', "$.results"),
        (b'{"results": [], "next": 7}', "$.next"),
        (b'{"results": [], "count": "7"}', "$.count"),
        (b'{"results": [], "count": true}', "$.count"),
        (b'{"results": [], "nextCursor": 7}', "$.nextCursor"),
        (b'{"results": [], "hasMore": "yes"}', "$.hasMore"),
    ],
)
@pytest.mark.parametrize("rows", [BYTES_ROWS, DICT_ROWS], ids=["bytes", "dict"])
def test_what_is_no_page_says_where(body: bytes, path: str, rows: Any) -> None:
    with pytest.raises(ResponseDecodeError, match=f"@ \\{path}$") as caught:
        load_page(body, rows)

    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-02T09:15:44.120000Z", datetime(2026, 3, 2, 9, 15, 44, 120_000, UTC)),
        ("2026-03-02T09:15:44Z", datetime(2026, 3, 2, 9, 15, 44, tzinfo=UTC)),
        ("2026-03-02T09:15:44", datetime(2026, 3, 2, 9, 15, 44, tzinfo=UTC)),
        (
            "2026-03-02T09:15:44+02:00",
            datetime(2026, 3, 2, 9, 15, 44, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_a_time_is_aware_with_or_without_a_fraction(text: str, time: datetime) -> None:
    read = as_time(text)

    assert read == time
    assert read.tzinfo is not None


def test_a_model_takes_what_it_names_and_keeps_the_rest() -> None:
    folder = structure(PersistedFolder, {**FOLDER, "created_at": None, "surface": {"deep": 1}})

    assert (folder.id, folder.type, folder.path) == (UUID(UUID_TEXT), "home", "a")
    assert folder.created_at is None
    assert folder.extra == {"surface": {"deep": 1}}


def test_an_unknown_field_may_be_called_extra() -> None:
    folder = structure(PersistedFolder, {**FOLDER, "extra": 1})

    assert folder.extra == {"extra": 1}


@pytest.mark.parametrize(
    ("kind", "value", "wrong"),
    [
        (PersistedFolder, {**FOLDER, "type": None}, "expected str @ $.type"),
        (PersistedFolder, {**FOLDER, "type": 7}, "expected str @ $.type"),
        (PersistedFolder, {**FOLDER, "id": "secret-value"}, "expected UUID @ $.id"),
        (PersistedFolder, {**FOLDER, "id": 7}, "expected UUID @ $.id"),
        (PersistedFolder, {"type": "home"}, "required field missing @ $.id"),
        (PersistedFolder, {**FOLDER, "created_at": "secret-value"}, "$.created_at"),
        (PersistedFolder, [], "$"),
        (PersistedFolder, "secret-value", "$"),
        (PersistedFolder, None, "$"),
        (Project, {"id": True}, "expected int @ $.id"),
        (Project, {"id": 1.0}, "expected int @ $.id"),
        (Project, {"id": 1, "name": 2}, "$.name"),
        (LogEntry, {"uuid": UUID_TEXT, "severity_number": "secret-value"}, "$.severity_number"),
        (LogEntry, {"uuid": UUID_TEXT, "attributes": [1]}, "$.attributes"),
        (APIKeyInfo, {"scopes": "secret-value"}, "$.scopes"),
        (APIKeyInfo, {"scopes": ["a", None]}, "$.scopes"),
        (APIKeyInfo, {"scoped_teams": [1, True]}, "$.scoped_teams"),
    ],
)
def test_a_wrong_field_is_named_by_its_path_and_never_by_its_value(
    kind: type[Any], value: Any, wrong: str
) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        structure(kind, value)

    text = str(caught.value)
    assert wrong in text
    assert "secret-value" not in text
    assert kind.__name__ in text
    assert caught.value.__context__ is None


@pytest.mark.parametrize("field", ["scopes", "scoped_teams", "scoped_organizations"])
def test_a_list_that_is_null_reads_as_empty(field: str) -> None:
    assert getattr(structure(APIKeyInfo, {"scopes": [], field: None}), field) == ()


def test_an_attribute_map_that_is_null_reads_as_empty() -> None:
    entry = structure(LogEntry, {"uuid": UUID_TEXT, "attributes": None})

    assert entry.attributes == {}


@attrs.frozen
class Reading:
    """A user's own model."""

    score: float
    id: int | str | None = None
    done: bool = False
    tags: tuple[str, ...] | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen
class Strict:
    """A user's model that keeps nothing it does not name."""

    id: int


def test_a_float_may_be_a_whole_number() -> None:
    assert structure(Reading, {"score": 1}).score == 1


@pytest.mark.parametrize("score", [True, "1", None])
def test_a_number_is_nothing_else(score: Any) -> None:
    with pytest.raises(ResponseDecodeError, match=r"expected float @ \$\.score"):
        structure(Reading, {"score": score})


@pytest.mark.parametrize("id_", [None, 7, "seven", 2**70])
def test_an_id_is_a_number_a_text_or_nothing(id_: Any) -> None:
    assert structure(Reading, {"score": 1.0, "id": id_}).id == id_


def test_an_id_is_not_a_list() -> None:
    with pytest.raises(ResponseDecodeError, match=r"\$\.id"):
        structure(Reading, {"score": 1.0, "id": [1]})


def test_texts_may_be_missing() -> None:
    assert structure(Reading, {"score": 1.0, "tags": None}).tags is None


def test_a_users_model_without_extra_takes_unknown_fields_all_the_same() -> None:
    assert structure(Strict, {"id": 1, "new": 2}) == Strict(1)


def test_a_row_of_a_model_keeps_every_field() -> None:
    rows = structured_rows(Strict)

    item = rows.read(b'{"id": 5}')

    assert (item, rows.key(item), rows.stamp(item)) == (Strict(5), "5", None)


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (b'{"uuid": "u", "id": 1}', "u"),
        (b'{"id": 1}', "1"),
        (b'{"uuid": null, "id": "i"}', "i"),
        (b'{"x": 1}', NAMELESS + '{"x": 1}'),
        (b"[1]", NAMELESS + "[1]"),
        (b'{"id": "\\ud800"}', "\ud800"),
        (b'{"id": 1, "x": NaN}', "1"),
    ],
)
def test_an_undecoded_row_is_known_by_its_id_or_by_itself(row: bytes, key: str) -> None:
    assert BYTES_ROWS.key(BYTES_ROWS.read(row)) == key


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (b'{"uuid": "u", "id": 1}', "u"),
        (b'{"id": 1}', "1"),
        (b'{"b": 1, "a": 2}', NAMELESS + '{"a": 2, "b": 1}'),
        (b'{"uuid": null, "id": 7}', "7"),
        (b"[1]", NAMELESS + "[1]"),
    ],
)
def test_a_plain_row_is_known_by_its_id_or_by_itself(row: bytes, key: str) -> None:
    assert DICT_ROWS.key(DICT_ROWS.read(row)) == key


@pytest.mark.parametrize(
    ("row", "stamp"),
    [(b'{"created_at": "2026"}', "2026"), (b'{"created_at": null}', None), (b"{}", None)],
)
@pytest.mark.parametrize("rows", [BYTES_ROWS, DICT_ROWS], ids=["bytes", "dict"])
def test_a_row_is_stamped_with_its_time_of_creation(
    rows: Any, row: bytes, stamp: str | None
) -> None:
    assert rows.stamp(rows.read(row)) == stamp


def test_a_row_that_is_not_an_object_has_no_stamp() -> None:
    assert DICT_ROWS.stamp([1]) is None
    assert BYTES_ROWS.stamp(b"[1]") is None
