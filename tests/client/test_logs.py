"""Logs: one query, paged by the server's cursor where it has one (docs/server.md, Logs)."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from posthog_env_async import (
    CheckpointError,
    ConfigurationError,
    CursorListing,
    EndpointNotAvailableError,
    LogEntry,
    MissingScopeError,
    PaginationError,
    PostHogEnv,
    PropertyFilter,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
HOUR = {"date_from": NOW - timedelta(hours=1), "date_to": NOW}


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=0, mode="routes", logs=500, now=NOW) as server:
        yield server


async def read_into(seen: list[UUID], listing: CursorListing[LogEntry]) -> None:
    async for entry in listing:
        seen.append(entry.uuid)  # noqa: PERF401 - what came before an error is kept


def query_of(fake: FakePostHog, number: int = -1) -> dict[str, Any]:
    return fake.requests[number].json()["query"]


async def test_every_entry_comes_once_in_the_servers_order(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    entries = await env.logs.query(**HOUR, page_size=70).collect()

    times = [entry.timestamp for entry in entries if entry.timestamp is not None]
    assert len({entry.uuid for entry in entries}) == len(entries) == len(times) == 500
    assert times == sorted(times, reverse=True)
    assert len(fake.requests) == 8


async def test_the_earliest_may_come_first(env: PostHogEnv) -> None:
    entries = await env.logs.query(**HOUR, page_size=100, order_by="earliest").collect()

    times = [entry.timestamp for entry in entries if entry.timestamp is not None]
    assert times == sorted(times)
    assert len(times) == 500


async def test_entries_of_one_moment_are_told_apart() -> None:
    async with (
        FakePostHog(persons=0, mode="routes", logs=300, now=NOW, log_tie=50) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        entries = await env.logs.query(**HOUR, page_size=7).collect()

    assert len({entry.uuid for entry in entries}) == len(entries) == 300


async def test_a_short_page_is_not_the_end() -> None:
    async with (
        FakePostHog(persons=0, mode="routes", logs=300, now=NOW, log_budget=40) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        entries = await env.logs.query(**HOUR, page_size=100).collect()

    assert len(entries) == 300
    assert len(fake.requests) == 8


async def test_the_wire_has_every_field_that_older_servers_need(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await env.logs.query(
        **HOUR,
        severity_levels=["error", "fatal"],
        service_names=["checkout"],
        search_term="timeout",
        filters=[PropertyFilter("message", "x", operator="icontains", type="log")],
        page_size=500,
    ).collect()

    assert fake.requests[-1].json() == {
        "query": {
            "dateRange": {"date_from": "2026-09-01T05:00:00Z", "date_to": "2026-09-01T06:00:00Z"},
            "severityLevels": ["error", "fatal"],
            "serviceNames": ["checkout"],
            "orderBy": "latest",
            "searchTerm": "timeout",
            "filterGroup": {
                "type": "AND",
                "values": [
                    {
                        "type": "AND",
                        "values": [
                            {"key": "message", "value": "x", "operator": "icontains", "type": "log"}
                        ],
                    }
                ],
            },
            "limit": 500,
        }
    }


async def test_no_filter_is_an_empty_list_and_never_null(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await env.logs.query(**HOUR).first()

    query = query_of(fake)
    assert (query["severityLevels"], query["serviceNames"]) == ([], [])
    assert query["filterGroup"] == {"type": "AND", "values": [{"type": "AND", "values": []}]}
    assert not {"searchTerm", "after"} & set(query)


async def test_filters_find_what_they_mean(env: PostHogEnv) -> None:
    errors = await env.logs.query(**HOUR, severity_levels=["error"]).collect()
    filtered = await env.logs.query(
        **HOUR, filters=[PropertyFilter("message", errors[0].body, type="log")]
    ).collect()

    assert {entry.level for entry in errors} == {"error"}
    assert errors[0] in filtered


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (datetime(2026, 9, 1, 5), "2026-09-01T05:00:00Z"),  # noqa: DTZ001 - without a zone it is UTC
        (datetime(2026, 9, 1, 7, tzinfo=timezone(timedelta(hours=2))), "2026-09-01T05:00:00Z"),
        ("2026-09-01", "2026-09-01T00:00:00Z"),
        ("2026-09-01T05:00:00+02:00", "2026-09-01T03:00:00Z"),
    ],
)
async def test_a_date_is_sent_as_utc(
    env: PostHogEnv, fake: FakePostHog, date: datetime | str, text: str
) -> None:
    await env.logs.query(date_from=date, date_to=NOW).first()

    assert query_of(fake)["dateRange"]["date_from"] == text


@pytest.mark.parametrize("day", ["2026-08-31", date(2026, 8, 31)])
async def test_a_date_means_the_entire_day(env: PostHogEnv, fake: FakePostHog, day: Any) -> None:
    await env.logs.query(date_from=day, date_to=day).first()

    assert query_of(fake)["dateRange"] == {
        "date_from": "2026-08-31T00:00:00Z",
        "date_to": "2026-08-31T23:59:59.999999Z",
    }


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-09-02", "2026-09-01"),
        ("-1h", "-2h"),
        (datetime(2026, 9, 1, 5, tzinfo=UTC), datetime(2026, 9, 1, 6, tzinfo=timezone.max)),
    ],
)
async def test_a_range_that_ends_before_it_begins_is_refused(
    env: PostHogEnv, first: Any, last: Any
) -> None:
    with pytest.raises(ConfigurationError, match="date_from is after date_to"):
        env.logs.query(date_from=first, date_to=last)


@pytest.mark.parametrize(
    ("relative", "seconds"),
    [("-90s", 90), ("-5m", 300), ("-6h", 21_600), ("-7d", 604_800), ("-2w", 1_209_600)],
)
async def test_a_relative_date_is_made_absolute_once(
    env: PostHogEnv, fake: FakePostHog, relative: str, seconds: int
) -> None:
    before = datetime.now(UTC)
    listing = env.logs.query(date_from=relative, date_to="2036-10-01")
    await listing.first()
    await listing.first()

    first, second = (query_of(fake, number)["dateRange"]["date_from"] for number in (-2, -1))
    assert first == second
    asked = datetime.fromisoformat(first)
    assert abs((before - asked).total_seconds() - seconds) < 5


@pytest.mark.parametrize("date", ["yesterday", "-1y", "", "-9999999d", "-999999w", 7])
async def test_a_date_that_means_nothing_is_refused(env: PostHogEnv, date: Any) -> None:
    with pytest.raises(ConfigurationError, match="date"):
        env.logs.query(date_from=date)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"severity_levels": ["warning"]}, "severity_levels"),
        ({"severity_levels": "error"}, "severity_levels"),
        ({"service_names": [None]}, "service_names"),
        ({"order_by": "newest"}, "order_by"),
        ({"filters": [PropertyFilter("a", "x")]}, "filters of logs"),
        ({"page_size": 0}, "2000"),
        ({"page_size": 2001}, "2000"),
        ({"page_size": True}, "2000"),
        ({"max_items": -1}, "max_items"),
    ],
)
async def test_a_query_that_the_server_answers_with_500_is_refused(
    env: PostHogEnv, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        env.logs.query(**wrong)


@pytest.mark.parametrize("version", ["mid", "old"])
async def test_a_server_that_ignores_the_cursor_is_noticed(version: Any) -> None:
    async with (
        FakePostHog(
            persons=0,
            mode="routes",
            logs=30,
            now=NOW,
            version=version,
            scopes=["error_tracking:read"],
        ) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        with pytest.raises(PaginationError, match="December 2025"):
            await env.logs.query(**HOUR, page_size=10).collect()

        assert len(await env.logs.query(**HOUR, page_size=100).collect()) == 30


async def test_a_page_that_repeats_is_noticed(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="previous", after=1))

    with pytest.raises(PaginationError, match="the same page again"):
        await env.logs.query(**HOUR, page_size=100).collect()


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"results": []}, 0),
        ({"results": [], "hasMore": False, "nextCursor": "x"}, 0),
        ({"results": [], "query": [["a", 1]], "hasMore": None, "columns": None}, 0),
    ],
)
async def test_every_key_but_the_results_may_be_missing(
    env: PostHogEnv, fake: FakePostHog, body: dict[str, Any], count: int
) -> None:
    fake.faults.append(Fault(200, body=body))

    assert len(await env.logs.query(**HOUR).collect()) == count


async def test_more_without_a_cursor_ends_in_an_error_after_the_rows(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    row = {"uuid": "01990a3e-1111-7abc-8def-000000000001"}
    fake.faults.append(Fault(200, body={"results": [row], "hasMore": True}))
    run = env.logs.query(**HOUR).iterate()

    assert (await anext(run)).body is None
    for _ in range(2):
        with pytest.raises(PaginationError, match="gives no cursor"):
            await anext(run)

    assert not run.report.complete


@pytest.mark.parametrize(
    "scopes", [["logs:read"], ["error_tracking:read"], ["logs:read", "error_tracking:read"]]
)
async def test_either_scope_may_be_enough_and_the_server_decides(scopes: list[str]) -> None:
    version: Any = "new" if "logs:read" in scopes else "mid"
    async with (
        FakePostHog(
            persons=0, mode="routes", logs=5, now=NOW, scopes=scopes, version=version
        ) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        await env.key()

        assert len(await env.logs.query(**HOUR).collect()) == 5


async def test_neither_scope_is_a_missing_one(fake: FakePostHog) -> None:
    weak = fake.add_key(scopes=["person:read"])
    async with PostHogEnv(1, api_key=weak, host=fake.url) as env:
        await env.key()
        with pytest.raises(MissingScopeError) as caught:
            await env.logs.query().first()

    assert caught.value.scope == "logs:read"


async def test_a_server_without_logs_says_so(env: PostHogEnv, fake: FakePostHog) -> None:
    body = {"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found."}
    fake.faults.append(Fault(404, body=body, times=2))

    with pytest.raises(EndpointNotAvailableError, match="late 2025"):
        await env.logs.query().first()


async def test_a_server_at_capacity_is_asked_again(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults += [Fault(503, body={"error": "busy"}), Fault(504, after=1)]

    assert len(await env.logs.query(**HOUR, page_size=300).collect()) == 500


async def test_items_can_be_capped(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.logs.query(**HOUR, page_size=40, max_items=100)

    assert len(await listing.collect()) == 100
    assert [query_of(fake, number)["limit"] for number in range(3)] == [40, 40, 20]
    assert await listing.count() == 100


async def test_no_item_at_all_can_be_wanted(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.logs.query(**HOUR, max_items=0)

    assert await listing.collect() == []
    assert (await listing.page()).items == ()
    assert fake.requests == []


async def test_logs_have_the_surface_of_a_listing(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.logs.query(**HOUR, page_size=200)

    first, page = await listing.first(), await listing.page()
    sizes = [len(page.items) async for page in listing.pages()]
    rows = [row async for row in listing.rows()]

    assert first == page.items[0]
    assert (page.offset, page.next_offset) == (None, None)
    assert sizes == [200, 200, 100]
    assert len(rows) == await listing.count() == 500
    assert rows[0].startswith(b'{"uuid"')


async def test_a_report_says_what_was_done(env: PostHogEnv) -> None:
    async with env.logs.query(**HOUR, page_size=200).iterate() as run:
        async for _ in run:
            pass

    report = run.report
    assert (report.items, report.pages, report.requests) == (500, 3, 3)
    assert report.complete


@pytest.mark.parametrize("taken", [0, 1, 69, 70, 71, 499, 500])
async def test_a_token_goes_on_right_after_the_last_entry(env: PostHogEnv, taken: int) -> None:
    listing = env.logs.query(**HOUR, page_size=70)
    everything = [entry.uuid async for entry in listing]
    async with listing.iterate() as run:
        before = [(await anext(run)).uuid for _ in range(taken)]

    after = [entry.uuid async for entry in listing.resume(run.token)]

    assert before + after == everything


async def test_a_token_of_a_resumed_run_goes_on_as_well(env: PostHogEnv) -> None:
    listing = env.logs.query(**HOUR, page_size=70)
    everything = [entry.uuid async for entry in listing]
    token, seen = listing.iterate().token, list[Any]()

    for taken in (10, 20, 70, 35, 0, 200):
        async with listing.resume(token).iterate() as run:
            seen += [(await anext(run)).uuid for _ in range(taken)]
        token = run.token
    seen += [entry.uuid async for entry in listing.resume(token)]

    assert seen == everything


async def test_a_cap_counts_from_the_start_also_when_resumed(env: PostHogEnv) -> None:
    listing = env.logs.query(**HOUR, page_size=30, max_items=100)
    async with listing.iterate() as run:
        for _ in range(45):
            await anext(run)

    assert len(await listing.resume(run.token).collect()) == 55


async def test_an_error_carries_a_token(env: PostHogEnv, fake: FakePostHog) -> None:
    listing = env.logs.query(**HOUR, page_size=100)
    fake.faults.append(Fault(500, after=2, times=9))
    seen = list[Any]()

    with pytest.raises(ServerError) as caught:
        await read_into(seen, listing)
    fake.faults.clear()
    token = caught.value.resume_token
    assert token is not None
    seen += [entry.uuid async for entry in listing.resume(token)]

    assert len(seen) == len(set(seen)) == 500


async def test_a_row_that_does_not_fit_fails_at_its_own_place(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    good, bad = {"uuid": "01990a3e-1111-7abc-8def-000000000001"}, {"uuid": 7}
    fake.faults.append(Fault(200, body={"results": [good, bad, good], "hasMore": False}))
    seen = list[Any]()

    with pytest.raises(ResponseDecodeError, match=r"\$\.uuid"):
        await read_into(seen, env.logs.query(**HOUR))

    assert len(seen) == 1


async def test_a_token_of_another_query_is_refused(env: PostHogEnv) -> None:
    run = env.logs.query(**HOUR).iterate()

    with pytest.raises(CheckpointError, match="another query"):
        env.logs.query(**HOUR, search_term="x").resume(run.token)


async def test_a_run_that_is_left_early_can_go_on(env: PostHogEnv) -> None:
    async with contextlib.aclosing(env.logs.query(**HOUR, page_size=10).pages()) as pages:
        page = await anext(pages)

    rest = await env.logs.query(**HOUR, page_size=10).resume(page.token).collect()

    assert len(rest) == 490
