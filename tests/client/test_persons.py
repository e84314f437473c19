"""Persons: list with every filter, get by every id, the server's CSV.

See docs/server.md, Persons list.
"""

import csv
import gc
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    EndpointNotAvailableError,
    Listing,
    NotFoundError,
    Person,
    PostHogEnv,
    PropertyFilter,
    ServerError,
    TruncatedCSVWarning,
)
from posthog_env_async.testing import FakePostHog, Fault


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=40, mode="routes") as server:
        yield server


@pytest.fixture
def ada(fake: FakePostHog) -> UUID:
    return fake.add_person(
        name="Ada",
        distinct_ids=["ada", "ada-anon"],
        properties={"email": "ada@lovelace.example", "plan": "scale", "visits": 7},
    )


async def found(env: PostHogEnv, **filters: Any) -> list[UUID]:
    return [person.uuid async for person in env.persons.list(**filters)]


async def test_every_person_is_listed_newest_first(env: PostHogEnv, fake: FakePostHog) -> None:
    assert await found(env) == fake.uuids()


@pytest.mark.parametrize(
    "filters",
    [
        {"email": "ada@lovelace.example"},
        {"distinct_id": "ada-anon"},
        {"search": "  ADA@love "},
        {"properties": [PropertyFilter("email", "@lovelace", operator="icontains")]},
        {"properties": [PropertyFilter("visits", 7), PropertyFilter("plan", ["scale", "free"])]},
        {"properties": [PropertyFilter("email", "^ada@lovelace", operator="regex")]},
        {"search": "ada", "email": "ada@lovelace.example", "distinct_id": "ada"},
    ],
)
async def test_a_filter_finds_whom_it_means(
    env: PostHogEnv, ada: UUID, filters: dict[str, Any]
) -> None:
    assert await found(env, **filters) == [ada]


async def test_filters_are_anded(env: PostHogEnv, ada: UUID) -> None:
    assert await found(env, email="ada@lovelace.example", distinct_id="nobody") == []


async def test_an_unknown_distinct_id_finds_nobody(env: PostHogEnv) -> None:
    assert await env.persons.list(distinct_id="nobody").first() is None


async def test_filters_are_one_flat_list_in_one_parameter(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await found(env, properties=[PropertyFilter("a", 1), PropertyFilter("b", operator="is_set")])

    assert json.loads(fake.requests[-1].query["properties"]) == [
        {"key": "a", "value": 1, "operator": "exact", "type": "person"},
        {"key": "b", "value": "is_set", "operator": "is_set", "type": "person"},
    ]


async def test_no_filter_sends_none(env: PostHogEnv, fake: FakePostHog) -> None:
    await found(env, properties=[])

    assert set(fake.requests[-1].query) == {"limit", "offset"}


@pytest.mark.parametrize("name", ["search", "email", "distinct_id"])
@pytest.mark.parametrize("text", ["", "  ", 7])
async def test_an_empty_filter_is_refused_since_it_would_list_everybody(
    env: PostHogEnv, name: str, text: Any
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        env.persons.list(**{name: text})


@pytest.mark.parametrize("wrong", [{"key": "a"}, PropertyFilter("a", "x", type="log")])
async def test_properties_are_filters_of_persons(env: PostHogEnv, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="PropertyFilters of type 'person'"):
        env.persons.list(properties=[wrong])


@pytest.mark.parametrize("page_size", [0, -1, 10_001, 50_001, True, 1.5, "all"])
async def test_a_page_size_that_the_server_does_not_honour_is_refused(
    env: PostHogEnv, page_size: Any
) -> None:
    with pytest.raises(ConfigurationError, match="1 to 10000"):
        env.persons.list(page_size=page_size)


@pytest.mark.parametrize("name", ["offset", "max_items", "prefetch"])
@pytest.mark.parametrize("number", [-1, 1.5, True, "1"])
async def test_a_number_that_is_none_is_refused(env: PostHogEnv, name: str, number: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        env.persons.list(**{name: number})


async def test_odd_persons_of_every_kind_are_read() -> None:
    async with (
        FakePostHog(persons=200, mode="routes", odd_persons=True) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        persons = await env.persons.list(page_size=50).collect()

    assert [person.uuid for person in persons] == fake.uuids()
    assert all(isinstance(dict(person.properties), dict) for person in persons)
    assert {type(person.name) for person in persons} == {str, int, bool, type(None)}


async def kept_of_every_page(listing: Listing[Person], page_size: int) -> list[Person]:
    kept, number = list[Person](), 0
    async for person in listing:
        if number % page_size == 0:
            kept.append(person)
        number += 1
    return kept


async def test_a_person_that_is_kept_does_not_keep_its_page() -> None:
    many = FakePostHog(persons=6_000, mode="routes")
    async with many, PostHogEnv(1, api_key=many.key, host=many.url) as env:
        listing = env.persons.list(page_size=300)
        page = len((await listing.page()).raw)
        tracemalloc.start()

        kept = await kept_of_every_page(listing, 300)

        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert len(kept) == 20
    assert held < 4 * page


async def test_a_person_is_got_by_number_uuid_or_the_text_of_either(
    env: PostHogEnv, ada: UUID
) -> None:
    by_uuid = await env.persons.get(ada)
    number = by_uuid.id

    assert isinstance(number, int)
    for id_ in (str(ada), str(ada).upper(), ada.hex, number, str(number)):
        assert (await env.persons.get(id_)).uuid == ada


async def test_a_retrieved_person_has_its_properties(env: PostHogEnv, ada: UUID) -> None:
    person = await env.persons.get(ada)

    assert (person.name, person.distinct_ids) == ("Ada", ("ada", "ada-anon"))
    assert person.properties["visits"] == 7
    assert person.is_identified is None


async def test_an_unknown_person_is_not_found(env: PostHogEnv) -> None:
    with pytest.raises(NotFoundError) as caught:
        await env.persons.get(uuid4())

    assert not isinstance(caught.value, EndpointNotAvailableError)


@pytest.mark.parametrize("id_", ["ada", "", "..", "1/../2", "@current", True, -1, 1.5, "\u0661"])
async def test_what_is_no_id_is_refused_and_the_way_by_distinct_id_named(
    env: PostHogEnv, fake: FakePostHog, id_: Any
) -> None:
    with pytest.raises(ConfigurationError, match="distinct_id="):
        await env.persons.get(id_)

    assert fake.requests == []


async def test_the_count_comes_from_the_server(env: PostHogEnv, fake: FakePostHog) -> None:
    assert await env.persons.list().count() == 40
    assert fake.requests[-1].query["include_total"] == "1"
    assert len(fake.requests) == 1


async def test_an_answer_that_is_of_another_person_is_asked_for_again(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    await env.persons.get(fake.uuids()[5])
    fake.faults.append(Fault(action="previous"))

    assert (await env.persons.get(ada)).uuid == ada
    assert len(fake.requests) == 3


# CSV


async def csv_rows(env: PostHogEnv, **filters: Any) -> list[dict[str, str]]:
    text = b"".join([piece async for piece in env.persons.csv(**filters)]).decode()
    return list(csv.DictReader(io.StringIO(text)))


async def test_the_servers_csv_is_streamed(env: PostHogEnv, fake: FakePostHog) -> None:
    rows = await csv_rows(env)

    assert [UUID(row["uuid"]) for row in rows] == fake.uuids()
    assert fake.requests[-1].headers["Accept"] == "text/csv"
    assert fake.requests[-1].query == {"format": "csv"}


async def test_a_csv_takes_the_same_filters(env: PostHogEnv, ada: UUID) -> None:
    rows = await csv_rows(env, distinct_id="ada", properties=[PropertyFilter("plan", "scale")])

    assert [row["properties.email"] for row in rows] == ["ada@lovelace.example"]


async def test_a_csv_of_nobody_is_empty(env: PostHogEnv) -> None:
    assert await csv_rows(env, distinct_id="nobody") == []


async def test_a_csv_that_stops_where_servers_cut_it_is_warned_of() -> None:
    async with (
        FakePostHog(persons=10_000, mode="routes") as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        with pytest.warns(TruncatedCSVWarning, match="10000 rows"):
            rows = await csv_rows(env)

    assert len(rows) == 10_000


async def test_line_ends_inside_of_cells_are_not_counted_as_rows(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    body = 'a,b\r\n"x\n""y""\n",1\r\n' + "z,2\r\n" * 9_997  # 10,000 by its line ends
    fake.faults.append(Fault(200, body=body.encode(), action="text"))

    pieces = [piece async for piece in env.persons.csv()]

    assert b"".join(pieces) == body.encode()


async def test_a_csv_is_asked_for_again_before_its_first_piece(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults += [Fault(503), Fault(action="reset"), Fault(429, headers={"Retry-After": "0"})]

    assert len(await csv_rows(env)) == 40
    assert len(fake.requests) == 4


async def test_an_error_of_a_csv_has_no_body_and_is_judged_by_its_status(
    fake: FakePostHog,
) -> None:
    weak = fake.add_key(scopes=["insight:read"])
    async with PostHogEnv(1, api_key=weak, host=fake.url) as env:
        with pytest.raises(APIStatusError) as caught:
            await csv_rows(env)

    assert (caught.value.status, caught.value.body) == (403, "")


async def test_a_csv_that_is_cut_after_its_first_piece_is_an_error(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(action="truncate"))

    with pytest.raises(APIConnectionError, match="cut"):
        await csv_rows(env)

    assert len(fake.requests) == 1


async def test_a_csv_gives_up_after_five_attempts(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(503, times=9))

    with pytest.raises(ServerError) as caught:
        await csv_rows(env)

    assert caught.value.attempts == 5


@pytest.mark.parametrize("mode", ["redirect", "projects_only"])
async def test_a_csv_is_found_under_the_other_prefix(mode: Any) -> None:
    async with (
        FakePostHog(persons=5, mode=mode) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        assert len(await csv_rows(env)) == 5


async def test_redirects_of_a_csv_that_never_end_are_left(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    location = {"Location": "/api/environments/1/persons/?format=csv"}
    fake.faults.append(Fault(307, headers=location, action="empty", times=99))

    with pytest.raises(APIStatusError, match="307"):
        await csv_rows(env)

    assert len(fake.requests) == 4


async def test_a_csv_that_is_left_early_leaves_nothing_behind(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    pieces = env.persons.csv()
    await anext(pieces)
    await pieces.aclose()

    assert len(await csv_rows(env)) == 40


async def test_an_empty_csv_of_one_person_is_an_error_that_explains_it(
    env: PostHogEnv, ada: UUID
) -> None:
    with pytest.raises(EndpointNotAvailableError, match=r"persons\.get") as caught:
        await env.persons.get_csv(ada)

    assert caught.value.status == 200


async def test_a_single_csv_of_an_old_server_is_handed_on(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    fake.faults.append(Fault(200, body=b"a\r\n1\r\n", action="text"))

    assert await env.persons.get_csv(ada) == b"a\r\n1\r\n"
    assert fake.requests[-1].query == {"format": "csv"}


async def test_a_csv_without_its_last_line_end_is_cut(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(200, body=b"a\r\n1", action="text"))

    with pytest.raises(APIConnectionError):
        await csv_rows(env)


async def test_a_single_csv_that_is_cut_is_asked_for_again(
    env: PostHogEnv, fake: FakePostHog, ada: UUID
) -> None:
    fake.faults += [Fault(200, body=text, action="text") for text in (b"a\r\n1", b"a\r\n1\r\n")]

    assert await env.persons.get_csv(ada) == b"a\r\n1\r\n"
