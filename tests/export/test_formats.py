"""The columns and cells of CSV and Parquet."""

import json
import re
from pathlib import Path
from uuid import UUID

import pytest

from exports import client, lines_of, parquet, records
from posthog_env_async import ConfigurationError, ExportWarning, PostHogEnv
from posthog_env_async.export import export
from posthog_env_async.testing import FakePostHog, Fault

# CSV


async def test_csv_has_a_column_for_each_field_and_each_property(
    env: PostHogEnv, tmp_path: Path
) -> None:
    await export(env.persons.list(), tmp_path / "p.csv")

    found = records(tmp_path / "p.csv")
    persons = [json.loads(line) for line in await lines_of(env)]
    assert [row["uuid"] for row in found] == [person["uuid"] for person in persons]
    assert [row["properties.email"] for row in found] == [p["properties"]["email"] for p in persons]
    assert json.loads(found[0]["distinct_ids"]) == persons[0]["distinct_ids"]
    assert found[0]["properties.beta"] in {"true", "false"}
    assert found[0]["value_at_data_point"] == ""


async def test_a_property_that_the_sample_did_not_show_is_in_the_last_column(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    fake.add_person(properties={"late": {"deep": [1, None]}, "email": "x@example.com"})
    for _ in range(1_000):
        fake.add_person(properties={"email": "y@example.com"})

    await export(env.persons.list(max_items=1_001), tmp_path / "p.csv")

    last = records(tmp_path / "p.csv")[-1]
    assert "properties.late" not in last
    assert json.loads(last["_rest"]) == {"properties.late": {"deep": [1, None]}}


async def test_chosen_csv_columns_are_the_only_ones_in_their_order(
    env: PostHogEnv, tmp_path: Path
) -> None:
    columns = ["properties.email", "uuid", "properties.unheard"]

    with pytest.warns(ExportWarning, match="unheard"):
        await export(env.persons.list(), tmp_path / "p.csv", columns=columns)

    found = records(tmp_path / "p.csv")
    assert list(found[0]) == columns
    assert {row["properties.unheard"] for row in found} == {""}


async def test_texts_of_csv_survive_quotes_breaks_and_surrogates(tmp_path: Path) -> None:
    texts = ['a "b", c', "two\nlines", "carriage\rreturn", "naïve ☃", "=1+1", "-5"]
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        for text in texts:
            fake.add_person(properties={"text": text, "number": -5})
        fake.add_person(properties={"text": "lone \ud800"})

        await export(env.persons.list(), tmp_path / "p.csv")

        found = records(tmp_path / "p.csv")
        assert [row["properties.text"] for row in found] == ["lone \\ud800", *reversed(texts)]


# https://owasp.org/www-community/attacks/CSV_Injection: each sign, and what hides it.
SIGNS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
HIDDEN = [
    "",
    " ",
    "   ",
    "\u00a0",
    "\ufeff",
    "\u200b",
    "\u3000",
    "\t",
    "\r\n",
    "\n",
    "\x00",
    "\x0b",
]


async def test_cells_that_a_spreadsheet_would_run_are_quoted_on_request(tmp_path: Path) -> None:
    dangerous = [f"{hidden}{sign}1+1" for hidden in HIDDEN for sign in SIGNS]
    harmless = ["fine", "a=1", "1-2", " a", "e@example.com", ""]
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        for text in [*dangerous, *harmless]:
            fake.add_person(properties={"text": text, "=number": -5})

        await export(env.persons.list(), tmp_path / "p.csv", quote_formulas=True)

        found = records(tmp_path / "p.csv")
        texts = [row["properties.text"] for row in reversed(found)]
        assert texts == [*(f"'{text}" for text in dangerous), *harmless]
        assert {row["properties.=number"] for row in found} == {"-5"}


async def test_a_column_name_that_a_spreadsheet_would_run_is_quoted_too(tmp_path: Path) -> None:
    body = {"next": None, "results": [{"=1+1": "a", "\uff1d2": "b"}]}
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        fake.faults.append(Fault(200, body=body))

        await export(env.listing("names/"), tmp_path / "n.csv", quote_formulas=True)

        assert set(records(tmp_path / "n.csv")[0]) == {"'=1+1", "'\uff1d2", "_rest"}


# the same columns in both formats


async def test_the_same_columns_mean_the_same_in_csv_and_parquet(tmp_path: Path) -> None:
    columns = [
        "properties.email",
        "uuid",
        "properties",
        "properties.visits=integer",
        "properties.score=number",
        "properties.beta=boolean",
        "properties.seen=time",
        "properties.tags=texts",
        "created_at",
        "extra",
    ]
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        fake.add_person(
            properties={
                "email": "a@example.com",
                "visits": 3,
                "score": 1.5,
                "beta": True,
                "seen": "2026-01-02T03:04:05Z",
                "tags": ["x"],
            }
        )
        odd = {"email": {"a": 1}, "visits": "3", "score": "x", "beta": 1, "seen": 7, "tags": "x"}
        fake.add_person(properties=odd, is_identified=False)

        await export(env.persons.list(), tmp_path / "p.csv", columns=columns)
        await export(env.persons.list(), tmp_path / "p.parquet", columns=columns)

    names = [column.partition("=")[0] for column in columns]
    in_csv, table = records(tmp_path / "p.csv"), parquet(tmp_path / "p.parquet")
    assert list(in_csv[0]) == table.column_names == names
    types = {field.name: str(field.type) for field in table.schema}
    assert types["properties.visits"] == "int64"
    assert types["properties.seen"] == "timestamp[us, tz=UTC]"
    for row, other in zip(in_csv, table.to_pylist(), strict=True):
        assert row["properties"] == other["properties"]
        assert row["properties.email"] == other["properties.email"]
        assert bool(row["properties.visits"]) == (other["properties.visits"] is not None)
        assert bool(row["properties.seen"]) == (other["properties.seen"] is not None)
        assert json.loads(row["extra"]).keys() == json.loads(other["extra"]).keys()
    assert in_csv[0]["properties.visits"] == ""
    assert in_csv[1]["properties.visits"] == "3"


async def test_a_csv_of_very_many_columns_is_bounded_and_loses_nothing(tmp_path: Path) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        for number in range(3):
            own = {f"own_{number}_{key}": key for key in range(600)}
            fake.add_person(properties={"email": "a@example.com", **own})

        with pytest.warns(ExportWarning, match=r"1,000 of them.*choose with columns="):
            await export(env.persons.list(), tmp_path / "p.csv")

    found = records(tmp_path / "p.csv")
    assert len(found[0]) <= 1_010
    assert "properties.email" in found[0]
    for number, row in enumerate(reversed(found)):
        beyond = json.loads(row["_rest"] or "{}")
        values = [
            row.get(f"properties.own_{number}_{key}")
            or beyond.get(f"properties.own_{number}_{key}")
            for key in range(600)
        ]
        assert [str(value) for value in values] == [str(key) for key in range(600)]


# for warehouses


async def test_safe_names_are_letters_digits_and_underscores(
    fake: FakePostHog, env: PostHogEnv, tmp_path: Path
) -> None:
    fake.add_person(properties={"$os": 1, "os": 2, "größe": 3, "OS": 4, "9": 5})
    columns = [
        "uuid",
        "properties.$os",
        "properties.os",
        "properties.OS",
        "properties.größe",
        "extra",
    ]

    await export(env.persons.list(), tmp_path / "p.csv", columns=columns, safe_names=True)
    await export(env.persons.list(), tmp_path / "p.parquet", columns=columns, safe_names=True)
    await export(env.persons.list(), tmp_path / "all.csv", safe_names=True)

    expected = [
        "uuid",
        "properties_os",
        "properties_os_2",
        "properties_OS_3",
        "properties_gr_e",
        "extra",
    ]
    first = records(tmp_path / "p.csv")[0]
    assert list(first) == parquet(tmp_path / "p.parquet").column_names == expected
    assert [first[name] for name in expected[1:4]] == ["1", "2", "4"]
    assert all(
        re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in records(tmp_path / "all.csv")[0]
    )


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "parquet"])
async def test_the_project_can_be_a_field_of_each_row(
    env: PostHogEnv, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"

    await export(env.persons.list(), path, add_project_id=True)

    if suffix == "ndjson":
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert [{**row, "project_id": None}.keys() for row in rows] == [row.keys() for row in rows]
        assert {row["project_id"] for row in rows} == {1}
    elif suffix == "csv":
        assert {row["project_id"] for row in records(path)} == {"1"}
    else:
        assert set(parquet(path)["project_id"].to_pylist()) == {1}


async def test_a_project_id_that_is_not_a_number_is_text(fake: FakePostHog, tmp_path: Path) -> None:
    page = {"results": [{"id": 1}, 7], "next": None}
    async with client(fake) as env:
        listing = env.for_project("@current").listing("things/")
        for suffix in ("ndjson", "parquet"):
            fake.faults.append(Fault(200, body=page))
            await export(listing, tmp_path / f"t.{suffix}", add_project_id=True)

    assert (tmp_path / "t.ndjson").read_text() == '{"project_id":"@current","id":1}\n7\n'
    assert parquet(tmp_path / "t.parquet")["project_id"].to_pylist() == ["@current", None]


async def test_rows_of_many_batches_keep_their_order(tmp_path: Path) -> None:
    async with FakePostHog(400, mode="routes", person_bytes=20_000) as fake, client(fake) as env:
        await export(env.persons.list(page_size=100), tmp_path / "p.parquet")

        uuids = [str(uuid) for uuid in fake.uuids()]

    assert parquet(tmp_path / "p.parquet")["uuid"].to_pylist() == uuids


async def test_the_project_is_there_beside_chosen_columns_and_without_a_row(
    tmp_path: Path,
) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        await export(env.persons.list(), tmp_path / "a.csv", add_project_id=True, columns=["uuid"])
        await export(env.persons.list(), tmp_path / "b.csv", add_project_id=True)
        await export(env.persons.list(), tmp_path / "b.parquet", add_project_id=True)
        with pytest.raises(ConfigurationError, match="needs a listing of a project"):
            await export(env.projects.list(), tmp_path / "c.csv", add_project_id=True)

    assert (tmp_path / "a.csv").read_text() == "project_id,uuid\n"
    assert (tmp_path / "b.csv").read_text().startswith("project_id,uuid,")
    assert "project_id" in parquet(tmp_path / "b.parquet").column_names


async def test_a_byte_order_mark_is_put_in_front_once(env: PostHogEnv, tmp_path: Path) -> None:
    await export(env.persons.list(page_size=100), tmp_path / "p.csv", excel=True)

    text = (tmp_path / "p.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbftype,")
    assert text.count(b"\xef\xbb\xbf") == 1


async def test_a_row_that_is_not_an_object_has_one_column(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    body = {"next": None, "results": ["a", 1]}
    fake.faults += [Fault(200, body=body), Fault(200, body=body)]

    await export(env.listing("names/"), tmp_path / "n.csv")
    await export(env.listing("names/"), tmp_path / "n.parquet")

    assert [row["value"] for row in records(tmp_path / "n.csv")] == ["a", "1"]
    assert parquet(tmp_path / "n.parquet").to_pylist() == [
        {"value": '"a"', "extra": None},
        {"value": "1", "extra": None},
    ]


# Parquet


async def test_parquet_has_the_model_s_fields_with_their_types(
    env: PostHogEnv, tmp_path: Path
) -> None:
    await export(env.persons.list(), tmp_path / "p.parquet")

    table = parquet(tmp_path / "p.parquet")
    persons = await env.persons.list().collect()
    types = {field.name: str(field.type) for field in table.schema}
    assert types["created_at"] == "timestamp[us, tz=UTC]"
    assert (types["is_identified"], types["properties"]) == ("bool", "string")
    assert table["created_at"].to_pylist() == [person.created_at for person in persons]
    assert table["distinct_ids"].to_pylist() == [list(person.distinct_ids) for person in persons]
    found = [json.loads(text) for text in table["properties"].to_pylist()]
    assert found == [dict(person.properties) for person in persons]


async def test_properties_can_be_parquet_columns_of_their_own(
    env: PostHogEnv, tmp_path: Path
) -> None:
    kinds = {
        "visits": "integer",
        "score": "number",
        "beta": "boolean",
        "email": "integer",
        "name": "number",
        "plan": "time",
    }

    await export(
        env.persons.list(), tmp_path / "p.parquet", columns=["uuid"], property_columns=kinds
    )

    table = parquet(tmp_path / "p.parquet")
    assert table.column_names == ["uuid", *(f"properties.{name}" for name in kinds)]
    persons = await env.persons.list().collect()
    assert table["properties.visits"].to_pylist() == [p.properties["visits"] for p in persons]
    assert table["properties.beta"].to_pylist() == [p.properties["beta"] for p in persons]
    assert [set(table[f"properties.{n}"].to_pylist()) for n in ("email", "name", "plan")] == [
        {None}
    ] * 3


async def test_what_does_not_fit_a_parquet_column_is_kept_in_the_extra_one(tmp_path: Path) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        fake.add_person(is_identified="perhaps", name=["a"], extra={"new_field": 2**70})

        await export(env.persons.list(), tmp_path / "p.parquet")

        row = parquet(tmp_path / "p.parquet").to_pylist()[0]
        extra = json.loads(row["extra"])
        assert (row["is_identified"], extra["is_identified"]) == (None, "perhaps")
        assert (row["name"], extra["new_field"]) == ('["a"]', 2**70)


async def test_rows_without_a_model_show_their_own_parquet_types(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    rows = [
        {"id": 1, "mixed": 1, "text": "x", "when": "2026-01-02T03:04:05Z", "none": None},
        {"id": 2, "mixed": "a", "text": "2026-01-02T03:04:05Z", "when": None, "tags": ["b"]},
    ]
    fake.faults.append(Fault(200, body={"next": None, "results": rows}))

    await export(env.listing("cohorts/"), tmp_path / "c.parquet")

    table = parquet(tmp_path / "c.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["id"], types["when"]) == ("int64", "timestamp[us, tz=UTC]")
    assert (types["mixed"], types["text"], types["none"]) == ("string", "string", "string")
    assert table["mixed"].to_pylist() == ["1", '"a"']
    assert table["tags"].to_pylist() == [None, ["b"]]


async def test_half_a_character_in_a_column_s_name_is_written_as_json_escapes_it(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fake.add_person(properties={"odd\ud800": "x"})
    body = {"next": None, "results": [{"id": 1, "odd\ud800": 2}]}

    await export(env.persons.list(), tmp_path / "p.parquet", property_columns=["odd\ud800"])
    fake.faults.append(Fault(200, body=body))
    await export(env.listing("odd/"), tmp_path / "o.parquet")

    assert parquet(tmp_path / "p.parquet")["properties.odd\\ud800"].to_pylist()[0] == "x"
    assert parquet(tmp_path / "o.parquet")["odd\\ud800"].to_pylist() == [2]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
async def test_an_empty_project_has_the_columns_of_persons(tmp_path: Path, suffix: str) -> None:
    async with FakePostHog({1: 3, 2: 0}, mode="routes") as fake, client(fake) as env:
        await export(env.persons.list(), tmp_path / f"some.{suffix}")
        await export(env.for_project(2).persons.list(), tmp_path / f"none.{suffix}")

    if suffix == "parquet":
        some, none = parquet(tmp_path / "some.parquet"), parquet(tmp_path / "none.parquet")
        assert none.schema.equals(some.schema)
        assert none.num_rows == 0
    else:
        none_header, some_header = (
            (tmp_path / name).read_text().splitlines()[0].split(",")
            for name in ("none.csv", "some.csv")
        )
        assert {"uuid", "created_at", "distinct_ids", "_rest"} <= set(none_header)
        assert set(none_header) <= set(some_header)


async def test_nanoseconds_of_logs_are_kept_in_parquet(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    times = ["2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.1234567891Z", "soon", None]
    rows = [{"uuid": str(UUID(int=n)), "body": "b", "timestamp": t} for n, t in enumerate(times)]
    fake.faults.append(Fault(200, body={"results": rows, "hasMore": False, "nextCursor": None}))

    await export(env.logs.query(), tmp_path / "l.parquet")

    table = parquet(tmp_path / "l.parquet")
    kept, extra = (
        table["timestamp"],
        [json.loads(text or "{}") for text in table["extra"].to_pylist()],
    )
    assert str(kept.type) == "timestamp[ns, tz=UTC]"
    assert kept.cast("int64").to_pylist() == [1767323045123456789, None, None, None]
    assert [fields.get("timestamp") for fields in extra] == [None, times[1], "soon", None]


async def test_finer_times_than_a_column_holds_are_not_cut(
    env: PostHogEnv, fake: FakePostHog, tmp_path: Path
) -> None:
    fine, coarse = "2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.1234560Z"
    fake.add_person(properties={"seen": fine})
    fake.add_person(properties={"seen": coarse})

    await export(
        env.persons.list(max_items=2), tmp_path / "p.parquet", property_columns={"seen": "time"}
    )
    await export(
        env.persons.list(max_items=2), tmp_path / "n.parquet", property_columns={"seen": "time_ns"}
    )

    micro, nano = parquet(tmp_path / "p.parquet"), parquet(tmp_path / "n.parquet")
    assert [value is None for value in micro["properties.seen"].to_pylist()] == [False, True]
    assert nano["properties.seen"].cast("int64").to_pylist() == [
        1767323045123456000,
        1767323045123456700,
    ]
