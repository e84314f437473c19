"""The ledger of an erasure: cut anywhere it is read, written by somebody else it is refused."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async.erasure.ledger import Ledger, state_of
from posthog_env_async.erasure.ledger_file import LedgerFile
from posthog_env_async.erasure.terms import Terms, first_record
from posthog_env_async.errors import CheckpointError
from posthog_env_async.models import DeletionSummary

TERMS = Terms(
    host="http://x", project="1", events=True, recordings=False, keep_person=False, plain_ids=True
)


async def written(path: Path) -> bytes:
    ledger = Ledger.opened(path, TERMS, writing=True)
    for number in range(3):
        person = f"person-{number}"
        await ledger.resolved({f"uuid:{number}": [person], f"uuid:none-{number}": []})
        request = await ledger.asking([person])
        await ledger.answered(request, DeletionSummary(found=1, deleted=1, requests=1))
    await ledger.settled({"person-0": "verified"})
    ledger.close()
    return path.read_bytes()


def test_a_ledger_cut_at_any_byte_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    whole = anyio.run(written, path)

    asked = []
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        ledger = Ledger.opened(path, TERMS, writing=False)
        assert ledger.states.keys() <= {"person-0", "person-1", "person-2"}
        asked.append(ledger.requests)

    assert asked == sorted(asked)
    assert asked[-1] == 3


def test_a_ledger_that_was_cut_goes_on_where_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    whole = anyio.run(written, path)
    path.write_bytes(whole[:-5])

    ledger = Ledger.opened(path, TERMS, writing=True)
    anyio.run(ledger.settled, {"person-1": "verified"})
    ledger.close()

    again = Ledger.opened(path, TERMS, writing=False)
    assert again.states == {"person-0": "deleted", "person-1": "verified", "person-2": "deleted"}
    assert again.report().not_found == 3


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
LISTS = st.lists(PLAIN, max_size=3) | st.lists(st.lists(PLAIN, max_size=3), max_size=2)
VALUES = PLAIN | LISTS | st.dictionaries(st.text(max_size=8), PLAIN | LISTS, max_size=3)
FIELDS = ("request", "persons", "inputs", "states", "outcome", "failed", "errors", "found")
KINDS = st.sampled_from(["resolved", "asking", "answered", "settled", "other"])
RECORDS = st.fixed_dictionaries({"kind": KINDS}, optional=dict.fromkeys(FIELDS, VALUES))


@given(record=RECORDS)
def test_a_record_of_any_shape_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    file = LedgerFile.opened(path)
    file.append(first_record(TERMS), {"kind": "asking", "request": 1, "persons": ["p"]}, record)
    file.close()

    try:
        ledger = Ledger.opened(path, TERMS, writing=False)
    except CheckpointError:
        return
    assert ledger.report().found >= 0


@pytest.mark.parametrize(
    "changed",
    [{"salt": "x"}, {"salt": 1}, {"at": "now"}, {"events": 1}, {"host": None}, {"version": 2}],
)
def test_a_first_record_of_another_shape_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    path = tmp_path / "ledger"
    file = LedgerFile.opened(path)
    file.append(first_record(TERMS) | changed)
    file.close()

    with pytest.raises(CheckpointError):
        Ledger.opened(path, TERMS, writing=False)
    assert json.loads(path.read_text())["kind"] == "ledger"


def said(found: int | None, deleted: int | None, queued: int | None, errors: int = 0) -> Any:
    failed = ["p"] * errors
    fields = {"found": found, "deleted": deleted, "queued": queued}
    return fields | {"errors": errors, "failed": failed}


@pytest.mark.parametrize(
    ("answer", "keep", "state"),
    [
        (said(None, None, None), False, "queued"),
        (said(5, 5, None), False, "deleted"),
        (said(5, 0, 5), False, "queued"),
        (said(5, 3, 2), False, "queued"),
        (said(5, 4, 0, errors=1), False, "deleted"),
        (said(5, 0, 5, errors=0), True, "queued"),
        (said(5, 0, None), True, "queued"),
        (said(4, 0, None), True, "unknown"),
        (said(4, 4, None), False, "unknown"),
        (said(5, 4, None), False, "unknown"),
        (said(5, 0, 0), False, "unknown"),
    ],
)
def test_an_answer_says_no_more_than_it_can(answer: Any, keep: bool, state: str) -> None:
    assert state_of(answer, 5, keep_person=keep) == state


def test_errors_that_name_nobody_leave_everybody_uncertain() -> None:
    answer = {"found": 5, "deleted": 3, "queued": None, "errors": 2, "failed": ["p"]}

    assert state_of(answer, 5, keep_person=False) == "unknown"
