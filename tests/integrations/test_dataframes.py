"""Listings as Arrow batches, tables and data frames: every row, right types, with a verdict."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from exports import locals_of
from posthog_env_async import (
    Backoff,
    ConfigurationError,
    Listing,
    PaginationError,
    Person,
    PostHogEnv,
    PostHogError,
    PostHogWarning,
    ResponseDecodeError,
)
from posthog_env_async.integrations.arrow import REPORT, record_batches, to_table
from posthog_env_async.integrations.pandas import to_pandas
from posthog_env_async.integrations.polars import to_polars
from posthog_env_async.testing import FakePostHog, Fault

pyarrow = pytest.importorskip("pyarrow")


def row(number: int, **fields: Any) -> dict[str, Any]:
    name = f"018f3c1e-7a55-7c2b-9a11-{number:012}"
    made = {"uuid": name, "id": name, "distinct_ids": [str(number)], "properties": {}}
    return {**made, "created_at": "2026-03-02T09:15:44.120000Z", **fields}


def answer_with(fake: FakePostHog, *rows: Any) -> None:
    fake.faults.append(Fault(200, body={"results": rows, "next": None}))


@pytest.mark.parametrize(
    ("size", "lengths"),
    [(1000, [1000, 1000, 500]), (700, [700, 700, 700, 400]), (2500, [2500]), (10_000, [2500])],
)
async def test_batches_have_the_size_that_was_asked_for(
    env: PostHogEnv, size: int, lengths: list[int]
) -> None:
    batches = record_batches(env.persons.list(page_size=300, prefetch=2), size=size)

    read = [batch async for batch in batches]

    assert [batch.num_rows for batch in read] == lengths
    assert all(batch.schema.equals(batches.schema) for batch in read)
    assert batches.report.complete
    assert batches.report.items == 2500


async def test_a_table_has_every_person_in_order(env: PostHogEnv) -> None:
    persons = await env.persons.list().collect()

    table = await to_table(env.persons.list())

    assert table.column("uuid").to_pylist() == [str(person.uuid) for person in persons]
    assert table.column("created_at").to_pylist() == [person.created_at for person in persons]
    assert table.column("distinct_ids").to_pylist() == [list(p.distinct_ids) for p in persons]
    read = map(json.loads, table.column("properties").to_pylist())
    assert list(read) == [person.properties for person in persons]
    assert [json.loads(text) for text in table.column("extra").to_pylist()] == [
        person.extra for person in persons
    ]


async def test_the_report_travels_with_a_table(env: PostHogEnv) -> None:
    table = await to_table(env.persons.list(max_items=10))

    report = json.loads(table.schema.metadata[REPORT.encode()])
    assert (report["items"], report["complete"]) == (10, True)


async def test_breaking_off_leaves_nothing_in_flight(env: PostHogEnv) -> None:
    batches = record_batches(env.persons.list(page_size=100, prefetch=4), size=100)

    first = await anext(batches)
    await batches.aclose()

    assert first.num_rows == 100
    assert not batches.report.complete


async def test_properties_are_typed_by_choice_or_by_the_first_values(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    answer_with(
        fake,
        row(1, properties={"seats": 3, "mixed": 1, "since": "2026-03-02T09:15:44Z", "big": 2**70}),
        row(2, properties={"seats": None, "mixed": "a", "beta": True}),
        row(3, properties=None),
    )
    names = ["seats", "mixed", "since", "beta", "never", "big", "score=number"]
    columns = ["uuid", *(f"properties.{name}" for name in names)]

    with pytest.warns(PostHogWarning, match="none of the first rows has"):
        table = await to_table(env.persons.list(), columns=columns)

    types = {field.name.removeprefix("properties."): str(field.type) for field in table.schema}
    assert types == {
        "uuid": "string",
        "seats": "int64",
        "mixed": "string",
        "since": "timestamp[us, tz=UTC]",
        "beta": "bool",
        "never": "string",
        "big": "string",
        "score": "double",
    }
    assert table.column("properties.seats").to_pylist() == [3, None, None]
    assert table.column("properties.mixed").to_pylist() == ["1", '"a"', None]
    assert table.column("properties.big").to_pylist() == [str(2**70), None, None]


async def test_a_field_with_a_dot_in_its_name_is_the_column_of_that_name(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    odd = row(1, properties={"plan": "moon"}, **{"properties.plan": 7})
    answer_with(fake, odd)

    table = await to_table(env.persons.list(), columns=["properties.plan", "extra"])

    assert table["properties.plan"].to_pylist() == [7]
    assert json.loads(table["extra"].to_pylist()[0])["properties"] == {"plan": "moon"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"columns": ["emial"]}, "there is no column 'emial'"),
        ({"columns": ["properties.a=whole"]}, "must be one of"),
        ({"columns": "uuid"}, "list of names"),
        ({"size": 0}, "size"),
        ({"size": True}, "size"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    env: PostHogEnv, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        record_batches(env.persons.list(), **wrong)

    assert env.requests == 0


@pytest.fixture
async def no_persons() -> AsyncIterator[PostHogEnv]:
    async with (
        FakePostHog(persons=0, mode="routes", logs=30) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url, backoff=Backoff(base=0.0)) as client,
    ):
        yield client


async def test_an_empty_project_has_the_columns_of_persons(no_persons: PostHogEnv) -> None:
    table = await to_table(no_persons.persons.list())

    assert table.num_rows == 0
    assert {"uuid", "created_at", "properties", "extra"} <= set(table.column_names)


async def test_logs_have_exact_times(no_persons: PostHogEnv) -> None:
    entries = await no_persons.logs.query(date_from="-7d").collect()

    table = await to_table(no_persons.logs.query(date_from="-7d"))

    assert len(entries) == table.num_rows
    assert table.column("timestamp").cast("int64").to_pylist() == [e.timestamp_ns for e in entries]


async def test_rows_without_a_model_get_the_columns_that_they_show(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    answer_with(fake, {"id": 1, "name": "a"}, {"id": 2, "name": None, "size": 2.5})

    table = await to_table(env.listing("things/"))

    assert table.select(["id", "name", "size"]).to_pylist() == [
        {"id": 1, "name": "a", "size": None},
        {"id": 2, "name": None, "size": 2.5},
    ]


async def unproven(fake: FakePostHog, env: PostHogEnv) -> Listing[Person]:
    """Return a listing that goes on at a place of which no row is left."""
    async with env.persons.list(page_size=200).iterate() as run:
        for _ in range(2):
            await run.next_page()
    fake.delete(range(410))
    return env.persons.list().resume(run.token)


@pytest.mark.parametrize(
    ("read", "needs"), [(to_table, "pyarrow"), (to_polars, "polars"), (to_pandas, "pandas")]
)
async def test_what_is_not_proven_complete_is_an_error_unless_it_may_be(
    env: PostHogEnv, fake: FakePostHog, read: Any, needs: str
) -> None:
    pytest.importorskip(needs)
    listing = await unproven(fake, env)

    with pytest.raises(PaginationError):
        await read(listing)

    table = await read(listing, allow_incomplete=True)
    assert 0 < len(table) < 2_500
    if read is to_table:
        assert json.loads(table.schema.metadata[REPORT.encode()])["complete"] is False
    if read is to_pandas:
        assert table.attrs["report"]["complete"] is False


async def test_an_end_that_the_server_contradicts_is_an_error_unless_it_may_be(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    rows = [row(number) for number in range(3)]

    def end_with_more_to_come() -> None:
        fake.faults.clear()
        for some, times in ((rows, 1), ([], 99)):
            page = {"results": some, "next": None, "has_next": True}
            fake.faults.append(Fault(200, body=page, times=times))

    end_with_more_to_come()
    with pytest.raises(PaginationError, match="not proven that they are all"):
        await to_table(env.persons.list())

    end_with_more_to_come()
    assert len(await to_table(env.persons.list(), allow_incomplete=True)) == 3


@pytest.mark.parametrize("status", [200, 500])
async def test_no_value_of_a_row_is_in_the_frames_of_a_table_s_error(
    env: PostHogEnv, fake: FakePostHog, status: int
) -> None:
    """The end that is not proven with a 200, and an error of the server in the middle."""
    unended: Any = {"results": [], "next": None, "has_next": True}
    fake.faults.append(Fault(status, body=unended, after=3, times=99))

    with pytest.raises(PostHogError) as caught:
        await to_table(env.persons.list(page_size=500))

    assert "@example." not in locals_of(caught.value)


async def test_batches_that_nobody_began_can_be_closed(env: PostHogEnv, fake: FakePostHog) -> None:
    await record_batches(env.persons.list()).aclose()

    assert fake.requests == []


async def test_pandas_gets_the_right_types(env: PostHogEnv, fake: FakePostHog) -> None:
    pytest.importorskip("pandas")
    answer_with(
        fake,
        row(1, id=4711, name="NA", properties={"n": 2**53 + 1, "on": True, "score": 1.5}),
        row(2, created_at="2026-03-02T09:15:44Z", properties={"n": 2**62}),
        row(3, created_at=None, name=None),
    )
    columns = ["uuid", "id", "name", "created_at"]
    columns += ["properties.n=integer", "properties.on=boolean", "properties.score=number"]

    frame = await to_pandas(env.persons.list(), columns=columns)

    assert frame.attrs["report"]["complete"] is True
    assert next(iter(frame["id"])) == "4711"
    assert frame["name"][0] == "NA"
    assert frame["name"].isna().tolist() == [False, True, True]
    assert frame["properties.n"].tolist()[:2] == [2**53 + 1, 2**62]
    assert frame["properties.n"].isna().tolist() == [False, False, True]
    assert [str(kind) for kind in frame.dtypes[4:]] == ["Int64", "boolean", "Float64"]
    times = frame["created_at"].tolist()
    assert times[:2] == [
        datetime(2026, 3, 2, 9, 15, 44, 120_000, UTC),
        datetime(2026, 3, 2, 9, 15, 44, tzinfo=UTC),
    ]
    json.dumps(frame.attrs)


async def test_polars_gets_every_person(env: PostHogEnv) -> None:
    pytest.importorskip("polars")
    persons: list[Person] = await env.persons.list().collect()

    frame = await to_polars(env.persons.list(), columns=["uuid", "properties.email"])

    assert frame["uuid"].to_list() == [str(person.uuid) for person in persons]
    assert frame["properties.email"].to_list() == [p.get_property("email") for p in persons]
    assert (frame.attrs["report"]["items"], frame.attrs["report"]["complete"]) == (
        len(persons),
        True,
    )


async def test_an_error_of_the_listing_comes_out(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(200, body={"results": 7}))

    with pytest.raises(ResponseDecodeError):
        await to_table(env.persons.list())
