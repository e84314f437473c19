"""Record batches: many rows at once give the same cells as each by itself."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_env_async import LogEntry, Person
from posthog_env_async.export.formats.columns import parse_columns
from posthog_env_async.export.formats.record_batches import BatchBuilder
from posthog_env_async.export.formats.table_options import TableOptions

pyarrow = pytest.importorskip("pyarrow")

UUID_TEXT = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"
# Whatever stands beside it, a row with half a character is looked at by itself.
ODD = json.dumps({"uuid": UUID_TEXT, "name": "\ud800"}).encode()
CHOICES = [
    None,
    ["uuid", "properties.email", "properties.seats=integer"],
    ["uuid", "properties.seats=number", "properties.since=time", "properties", "extra"],
    ["name", "properties.email=json", "extra"],
    ["created_at", "type", "matched_recordings"],
]
values = st.sampled_from(
    [None, True, 7, 2**63, 2.5, "a", "ä\u2028", "2026-03-02T09:15:44Z", ["x"], {"a": [1, "ü"]}]
)
times = st.sampled_from(
    [
        None,
        "2026-03-02T09:15:44Z",
        "2026-03-02T09:15:44.120000Z",
        "2026-03-02T09:15:44.1234567Z",
        "2026-03-02",
        "soon",
        "2026-03-02T09:15:44.12+02:00",
        "2026-03-02T09:15:44",
    ]
)
rows = st.fixed_dictionaries(
    {"uuid": st.just(UUID_TEXT), "created_at": times, "name": values},
    optional={
        "id": st.sampled_from([UUID_TEXT, 7, None]),
        "last_seen_at": times,
        "is_identified": st.sampled_from([True, None, "odd"]),
        "distinct_ids": st.sampled_from([[], ["a", "ä"], None, ["a", 1]]),
        "properties": st.none()
        | st.fixed_dictionaries({}, optional={"email": values, "seats": values, "since": times}),
        "type": st.just("person"),
        "matched_recordings": st.just([]),
        "brand_new": values,
        "extra": values,
    },
)


def builder(columns: Sequence[str] | None, model: type[Any] = Person) -> BatchBuilder:
    return BatchBuilder.of(
        TableOptions(columns=parse_columns(columns), model=model).schema([]), pyarrow
    )


def cells(batch: Any) -> list[Any]:
    """Return the cells of a batch; JSON text may be written in more than one way."""
    rows = batch.to_pylist()
    for row in rows:
        for name in ("properties", "extra", "properties.email", "matched_recordings"):
            row[name] = read_json(row.get(name))
    return rows


def read_json(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize("columns", CHOICES, ids=range(len(CHOICES)))
@given(some=st.lists(rows, min_size=1, max_size=8), escaped=st.booleans())
def test_rows_together_are_rows_one_by_one(
    columns: Sequence[str] | None, some: list[dict[str, Any]], escaped: bool
) -> None:
    texts = [json.dumps(row, ensure_ascii=escaped).encode() for row in some]
    build = builder(columns)

    together = cells(build.batch(texts))
    alone = cells(build.batch([*texts, ODD]))[:-1]

    assert together == alone


def test_one_odd_row_among_many_leaves_the_others_as_they_are() -> None:
    row = json.dumps({"uuid": UUID_TEXT, "properties": {"n": 1}, "type": "person"}).encode()
    build = builder(None)

    batch = build.batch([*[row] * 500, ODD, *[row] * 500])

    assert batch.num_rows == 1001
    assert cells(batch)[0] == cells(batch)[1000]
    assert batch["name"][500].as_py() == "\\ud800"


def test_no_rows_are_an_empty_batch() -> None:
    batch = builder(None).batch([])

    assert (batch.num_rows, batch.num_columns) == (0, 9)


def test_nanoseconds_of_logs_are_exact() -> None:
    row = json.dumps({"uuid": UUID_TEXT, "timestamp": "1970-01-01T00:00:01.123456789Z"}).encode()

    batch = builder(["timestamp"], LogEntry).batch([row])

    assert batch["timestamp"].cast("int64").to_pylist() == [1_123_456_789]
