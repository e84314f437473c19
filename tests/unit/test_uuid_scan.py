"""The keys of rows read off their heads: the same as decoding gives, or none.

See docs/server.md, Persons list.
"""

import json
from typing import Any

import pytest

from posthog_env_async.converter import BYTES_ROWS, load_page
from posthog_env_async.converter.uuid_scan import keys_at_head

ADA = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"
BOB = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c02"


def person(uuid: str, **more: Any) -> bytes:
    """Write a row as the persons list does."""
    row = {"type": "person", "id": uuid, "uuid": uuid, "properties": {}, **more}
    return json.dumps(row, separators=(",", ":")).encode()


def test_persons_are_known_by_their_heads() -> None:
    assert keys_at_head([person(ADA), person(BOB)]) == [ADA, BOB]


def test_rows_that_begin_with_their_uuid_are_known_by_their_heads() -> None:
    rows = [b'{"uuid":"a-1","body":"x"}', b'{"uuid":"b-2","body":"\\ud800"}']

    assert keys_at_head(rows) == ["a-1", "b-2"]


@pytest.mark.parametrize(
    "odd",
    [
        b"{}",
        b"[]",
        b"7",
        b'{"type":"person","id":7,"uuid":"%b"}',
        b'{"type":"person","id":"%b","uuid":null}',
        b'{"type": "person", "id": "%b", "uuid": "%b"}',
        b'{"type":"person","uuid":"%b","id":"%b"}',
        b'{"type":"ghost","id":"%b","uuid":"%b"}',
        b'{"type":"person","id":"another-id-of-the-same-length-as-uuid","uuid":"%b"}',
        b'{"type":"person","id":"%b","uuid":"%b-and-more"}',
        b'{"type":"person","id":"short","uuid":"short"}',
        b'{"type":"person","id":"%bx","uuid":"%bx"}',
        b'{"type":"person","id":"x","p":{"q":"23456789012345678901234","uuid":"x"}}',
        b'{"type":"person","id":"%b","uuid":"\\u0061aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}',
        b'{"type":"person","id":"\xc3\xa4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",'
        b'"uuid":"\xc3\xa4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}',
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_one_row_that_begins_otherwise_is_enough_to_decode(odd: bytes, *, first: bool) -> None:
    rows = [odd.replace(b"%b", BOB.encode()), person(ADA)]

    keys = keys_at_head(rows if first else rows[::-1])

    assert keys is None


@pytest.mark.parametrize("rows", [[], [b'{"id":"a"}'], [b'{"uuid":"a\\u0062"}']])
def test_rows_without_a_plain_uuid_at_the_head_are_to_be_decoded(rows: list[bytes]) -> None:
    assert keys_at_head(rows) is None


def test_a_property_that_looks_like_rows_changes_nothing() -> None:
    lookalikes = {"people": [json.loads(person(BOB)), json.loads(person(ADA))]}
    text = '},{"type":"person","id":"' + BOB + '","uuid":"' + BOB
    rows = [person(ADA, properties=lookalikes), person(BOB, name=text)]

    page = load_page(b'{"results":[' + b",".join(rows) + b'],"next":null}', BYTES_ROWS)

    assert page.keys == [ADA, BOB]
    assert page.rows == rows
