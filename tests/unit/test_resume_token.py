"""The text that says where a listing stands: short, checked, without personal values."""

import base64
import hashlib
import json

import attrs
import pytest

from posthog_env_async import CheckpointError
from posthog_env_async.pagination.resume_token import (
    QueryFingerprint,
    Token,
    digest,
    fingerprint_of,
    mark,
)

SUBJECT = fingerprint_of("https://host", "1", "persons/", [("search", "ada@example.com")])
FULL = Token(
    subject=SUBJECT,
    offset=12_345,
    items=999,
    whole=True,
    first=500,
    tail=tuple(mark(str(number), number, is_timed=number < 50) for number in range(100)),
    handed=tuple(digest(str(number)) for number in range(3)),
    passed=tuple(digest(str(number)) for number in range(5, 7)),
    frontier=1_700_000_000_000,
    front=1_700_000_000_001,
    deepest=1_699_999_999_999,
    unsure=True,
    wary=True,
    cursor="eyJ0",
)


@pytest.mark.parametrize("token", [FULL, Token(subject=SUBJECT)])
def test_a_token_says_everything(token: Token) -> None:
    assert Token.parse(token.text(), SUBJECT) == token


def test_a_token_is_short_and_safe_in_a_url() -> None:
    text = FULL.text()

    assert len(text) < 1_400
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_token_says_nothing_of_the_query() -> None:
    text = FULL.text()
    decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    assert b"ada" not in decoded
    assert b"host" not in decoded


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (fingerprint_of("https://other", "1", "persons/", []), "host"),
        (attrs.evolve(SUBJECT, project="x"), "project"),
        (attrs.evolve(SUBJECT, query="x"), "query"),
    ],
)
def test_a_token_of_something_else_is_refused(other: QueryFingerprint, named: str) -> None:
    with pytest.raises(CheckpointError, match=f"another {named}"):
        Token.parse(FULL.text(), other)


@pytest.mark.parametrize("place", [0, 3, 7, 8, 40, 200, -1])
def test_one_changed_character_is_noticed(place: int) -> None:
    text = FULL.text()
    changed = "B" if text[place] == "A" else "A"
    damaged = text[:place] + changed + text[place:][1:] if place >= 0 else text[:-4] + "AAAA"

    with pytest.raises(CheckpointError, match="damaged"):
        Token.parse(damaged, SUBJECT)


@pytest.mark.parametrize("text", ["", "A", "====", "ä", "e30", "\x00", "not a token at all"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="damaged"):
        Token.parse(text, SUBJECT)


@pytest.mark.parametrize("parameters", [[("b", "2"), ("a", "1")], [("a", "1"), ("b", "2")]])
def test_the_order_of_parameters_does_not_matter(parameters: list[tuple[str, str]]) -> None:
    same = fingerprint_of("h", "1", "p/", [("a", "1"), ("b", "2")])

    assert fingerprint_of("h", "1", "p/", parameters) == same


def test_subjects_that_differ_have_other_fingerprints() -> None:
    made = {
        fingerprint_of(*fields, parameters).fingerprint
        for fields in [("h", "1", "p/"), ("g", "1", "p/"), ("h", "2", "p/"), ("h", "1", "q/")]
        for parameters in [[], [("a", "1")], [("a", "2")]]
    }

    assert len(made) == 12


def test_the_difference_names_the_first_that_differs() -> None:
    assert SUBJECT.difference(SUBJECT) is None
    assert SUBJECT.difference(QueryFingerprint("x", "x", "x")) == "host"


def test_a_digest_takes_any_text() -> None:
    assert len(digest("\ud800")) == len(digest("")) == 6
    assert json.dumps(digest("a").hex()) != json.dumps(digest("b").hex())


def test_a_mark_tells_a_row_by_its_time_where_that_is_known() -> None:
    made = mark("a", 5, is_timed=True)

    assert made[:6] == digest("a")
    assert made != mark("a", 6, is_timed=True)
    assert mark("a", 5, is_timed=False) == mark("a", 6, is_timed=False)


def test_a_token_of_another_version_is_refused() -> None:
    text = FULL.text()
    body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[6:].replace(b"[3,", b"[2,", 1)
    check = hashlib.blake2b(body, digest_size=6).digest()
    later = base64.urlsafe_b64encode(check + body).decode().rstrip("=")

    with pytest.raises(CheckpointError, match="another version"):
        Token.parse(later, SUBJECT)
