"""The page of promises names tests that exist."""

import re

import pytest

from doc_pages import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "| held by |" not in line]
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_every_promise_names_a_test_that_exists(row: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", row))

    assert named
    assert named - TESTS == set()


def test_every_test_of_the_wire_holds_a_promise() -> None:
    of_the_wire = {
        name
        for path in (ROOT / "tests/client").glob("test_wire_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    supporting = {
        "test_a_complete_response_is_read",
        "test_gzip_of_several_members_is_read_completely",
        "test_a_chunked_body_is_read_completely",
        "test_a_body_may_be_as_large_as_allowed_after_decompression",
        "test_a_timeout_that_stays_is_a_timeout_error",
        "test_a_delete_of_nothing_is_an_error",
        "test_connections_are_kept_and_used_again",
        "test_what_json_cannot_hold_is_refused_before_anything_is_sent",
        "test_any_number_and_text_is_sent_as_json",
    }

    assert of_the_wire - set(re.findall(r"`(test_\w+)`", PAGE)) == supporting
