"""The columns and cells of CSV and Parquet."""

import json
from pathlib import Path

from exports import client, lines_of, parquet, records
from posthog_env_async import PostHogEnv
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


async def test_cells_that_a_spreadsheet_would_run_are_quoted_on_request(tmp_path: Path) -> None:
    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "fine"]:
            fake.add_person(properties={"text": text, "=number": -5})

        await export(env.persons.list(), tmp_path / "p.csv", quote_formulas=True)

        found = records(tmp_path / "p.csv")
        texts = [row["properties.text"] for row in found]
        assert texts == ["fine", "'\tx", "'@x", "'-1", "'+1", "'=1+1"]
        assert {row["properties.=number"] for row in found} == {"-5"}


async def test_a_row_that_is_no_object_has_one_column(
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


async def test_a_model_gives_an_empty_parquet_file_its_columns(tmp_path: Path) -> None:
    from posthog_env_async import Person

    async with FakePostHog(0, mode="routes") as fake, client(fake) as env:
        await export(env.persons.list(), tmp_path / "p.parquet", model=Person)

        assert "distinct_ids" in parquet(tmp_path / "p.parquet").column_names
