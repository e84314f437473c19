"""Folders, logs and Max in the embedded server.

See docs/server.md, Persisted folders, Logs and Max tools.
"""

import base64
import json as jsonlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession

from posthog_env_async.testing import FakePostHog

FOLDERS = "/api/projects/1/persisted_folder/"
LOGS = "/api/projects/1/logs/query/"
MAX = "/api/projects/1/max_tools/create_and_query_insight/"
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
DATES = {"date_from": "2026-09-01T05:00:00Z", "date_to": "2026-09-01T06:00:00Z"}


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def ask(
    http: ClientSession,
    fake: FakePostHog,
    path: str,
    json: Any = None,
    *,
    method: str = "POST",
    key: str | None = None,
    **params: str,
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key or fake.key}"}
    url = fake.url + path
    async with http.request(method, url, json=json, headers=headers, params=params) as response:
        body = await response.read()
        return response.status, jsonlib.loads(body) if body else None


async def logs(http: ClientSession, fake: FakePostHog, **query: Any) -> tuple[int, Any]:
    return await ask(http, fake, LOGS, {"query": {"dateRange": DATES} | query})


async def all_logs(http: ClientSession, fake: FakePostHog, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        _, page = await logs(http, fake, after=after, **query)
        rows += page["results"]
        after = page["nextCursor"]
        if not page["hasMore"]:
            assert after is None
            return rows


# folders


async def test_post_is_an_upsert_that_resets_what_is_left_out(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        first = await ask(
            http, fake, FOLDERS, {"type": "home", "protocol": "x://", "path": "Marketing"}
        )
        second = await ask(http, fake, FOLDERS, {"type": "home"})

    assert (first[0], second[0]) == (201, 201)
    assert first[1]["id"] == second[1]["id"]
    assert (second[1]["protocol"], second[1]["path"]) == ("products://", "")
    assert second[1]["created_at"] == first[1]["created_at"] < second[1]["updated_at"]


async def test_folders_are_listed_by_type_as_a_page_with_a_count(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        for kind in ("pinned", "custom_products", "home"):
            await ask(http, fake, FOLDERS, {"type": kind})
        _, page = await ask(http, fake, FOLDERS, method="GET", limit="2")

        assert page["next"] == f"{fake.url}{FOLDERS}?limit=2&offset=2"

    assert (page["count"], page["previous"]) == (3, None)
    assert [row["type"] for row in page["results"]] == ["custom_products", "home"]


async def test_folders_belong_to_the_owner_of_the_key(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        _, folder = await ask(http, fake, FOLDERS, {"type": "home"})
        other = fake.add_key(user=8)
        _, page = await ask(http, fake, FOLDERS, method="GET", key=other)
        status, body = await ask(
            http, fake, f"{FOLDERS}{folder['id']}/", method="DELETE", key=other
        )

    assert page["count"] == 0
    assert (status, body["detail"]) == (404, "Not found.")


async def test_a_folder_is_read_changed_replaced_and_deleted(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        _, made = await ask(http, fake, FOLDERS, {"type": "home", "path": "A"})
        path = f"{FOLDERS}{made['id']}/"
        read = await ask(http, fake, path, method="GET")
        patched = await ask(http, fake, path, {"path": "B"}, method="PATCH")
        replaced = await ask(http, fake, path, {"type": "pinned"}, method="PUT")
        deleted = await ask(http, fake, path, method="DELETE")
        again, _ = await ask(http, fake, path, method="DELETE")

    assert read == (200, made)
    assert patched[1]["path"] == "B"
    assert (replaced[1]["type"], replaced[1]["path"]) == ("pinned", "B")
    assert deleted == (204, None)
    assert again == 404


async def test_patching_to_a_type_that_is_taken_is_a_500(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        await ask(http, fake, FOLDERS, {"type": "home"})
        _, pinned = await ask(http, fake, FOLDERS, {"type": "pinned"})
        status, _ = await ask(
            http, fake, f"{FOLDERS}{pinned['id']}/", {"type": "home"}, method="PATCH"
        )

    assert status == 500


@pytest.mark.parametrize(
    ("body", "code", "detail", "attr"),
    [
        ({}, "required", "This field is required.", "type"),
        ({"type": "x"}, "invalid_choice", '"x" is not a valid choice.', "type"),
        ({"type": None}, "null", "This field may not be null.", "type"),
        ({"type": "home", "path": []}, "invalid_input", "Not a valid string.", "path"),
        ({"type": "home", "protocol": ""}, "blank", "This field may not be blank.", "protocol"),
        (
            {"type": "home", "protocol": "p" * 65},
            "max_length",
            "Ensure this field has no more than 64 characters.",
            "protocol",
        ),
        (
            ["home"],
            "invalid_input",
            "Invalid data. Expected a dictionary, but got list.",
            "non_field_errors",
        ),
    ],
)
async def test_a_bad_folder_is_refused_with_its_field(
    body: Any, code: str, detail: str, attr: str
) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake, ClientSession() as http:
        status, error = await ask(http, fake, FOLDERS, body)

    assert status == 400
    assert error == {"type": "validation_error", "code": code, "detail": detail, "attr": attr}


async def test_an_old_server_has_two_types(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1, version="old") as fake:
        status, _ = await ask(http, fake, FOLDERS, {"type": "custom_products"})

    assert status == 400


async def test_a_folder_id_that_is_not_a_uuid_is_not_found(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        status, _ = await ask(http, fake, f"{FOLDERS}home/", method="GET")

    assert status == 404


async def test_a_form_makes_a_folder_too(http: ClientSession) -> None:
    # docs/server.md, Persisted folders
    async with FakePostHog(1) as fake:
        headers = {"Authorization": f"Bearer {fake.key}"}
        form = {"type": "home", "path": "a b"}
        async with http.post(fake.url + FOLDERS, data=form, headers=headers) as response:
            assert (await response.json())["path"] == "a b"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("application/json", 400, "parse_error"), ("text/plain", 415, "unsupported_media_type")],
)
async def test_a_body_that_cannot_be_read_is_refused(
    kind: str, status: int, code: str, http: ClientSession
) -> None:
    # docs/server.md, Errors
    async with FakePostHog(1) as fake:
        headers = {"Authorization": f"Bearer {fake.key}", "Content-Type": kind}
        async with http.post(fake.url + FOLDERS, data=b"{", headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (status, code)


@pytest.mark.parametrize("prefix", ["environments", "projects"])
async def test_folders_and_max_can_be_gone(prefix: str, http: ClientSession) -> None:
    # docs/server.md, Prefixes: no counterpart, so nothing is rewritten
    async with FakePostHog(1, folders=False, max_tools=False) as fake:
        answers = [
            await ask(http, fake, path.replace("projects", prefix), {}) for path in (FOLDERS, MAX)
        ]

        assert [(status, body["detail"]) for status, body in answers] == [
            (404, "Endpoint not found.")
        ] * 2
        assert fake.unknown == []


# logs


async def test_a_page_of_logs_has_the_shape_of_a_new_server(http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        status, page = await logs(http, fake, limit=5)

    row = page["results"][0]
    assert status == 200
    assert set(page) == {
        "query",
        "results",
        "hasMore",
        "nextCursor",
        "maxExportableLogs",
        "columns",
    }
    assert (len(page["results"]), page["hasMore"]) == (5, True)
    assert (len(row["trace_id"]), len(row["span_id"])) == (32, 16)
    assert row["resource_fingerprint"].isdecimal()
    assert "2026-09-01T05:59:50" < row["timestamp"] <= "2026-09-01T06:00:00Z"


@pytest.mark.parametrize("order", ["latest", "earliest"])
@pytest.mark.parametrize("tie", [1, 7])
async def test_the_cursor_leads_through_everything_once(
    order: str, tie: int, http: ClientSession
) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW, logs=500, log_tie=tie) as fake:
        rows = await all_logs(http, fake, orderBy=order, limit=60)

    keys = [(row["timestamp"], row["uuid"]) for row in rows]
    assert len({uuid for _, uuid in keys}) == 500
    assert [when for when, _ in keys] == sorted(
        (when for when, _ in keys), reverse=order == "latest"
    )


async def test_a_server_out_of_time_answers_short_pages_with_more_to_come(
    http: ClientSession,
) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW, logs=500, log_budget=50) as fake:
        _, page = await logs(http, fake, limit=100, severityLevels=["error"])
        rows = await all_logs(http, fake, limit=100, severityLevels=["error"])

    assert 0 < len(page["results"]) < 50
    assert page["hasMore"]
    assert 30 < len(rows) < 100
    assert {row["level"] for row in rows} == {"error"}


async def test_logs_are_filtered_in_every_way(http: ClientSession) -> None:
    # docs/server.md, Logs
    leaves = [
        {
            "key": "k8s.pod.name",
            "type": "log_resource_attribute",
            "operator": "icontains",
            "value": "checkout",
        },
        {"key": "message", "type": "log", "operator": "icontains", "value": "Timeout"},
    ]
    group = {"type": "AND", "values": [{"type": "AND", "values": leaves}]}
    either = {"type": "AND", "values": [{"type": "OR", "values": leaves}]}
    async with FakePostHog(1, now=NOW, logs=3000) as fake:
        plain = await all_logs(http, fake, serviceNames=["checkout"], searchTerm="TIMEOUT")
        grouped = await all_logs(http, fake, filterGroup=group)
        flat = await all_logs(http, fake, filterGroup=leaves)
        more = await all_logs(http, fake, filterGroup=either)

    assert 50 < len(plain) < len(more)
    assert plain == grouped == flat
    assert {row["resource_attributes"]["service.name"] for row in plain} == {"checkout"}


async def test_dates_bound_the_logs_and_may_be_relative(http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        _, exact = await logs(
            http,
            fake,
            dateRange={
                "date_from": "2026-09-01T05:58:00Z",
                "date_to": "2026-09-01T05:59:00+00:00",
            },
        )
        _, relative = await logs(http, fake, dateRange={"date_from": "-10m"})

    times = [row["timestamp"] for row in exact["results"]]
    assert 58 <= len(times) <= 62
    assert all("2026-09-01T05:58" <= when <= "2026-09-01T05:59:00" for when in times)
    assert 598 <= len(relative["results"]) <= 602


async def test_the_limit_of_logs_is_1000_and_at_most_2000(http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        _, default = await logs(http, fake)
        _, most = await logs(http, fake, limit=5000)

    assert (len(default["results"]), len(most["results"])) == (1000, 2000)


@pytest.mark.parametrize("after", ["nonsense", "bm90IGpzb24=", 17, "eyJ1dWlkIjogMX0="])
async def test_a_malformed_cursor_is_silently_ignored(after: Any, http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        _, first = await logs(http, fake, limit=3)
        _, same = await logs(http, fake, limit=3, after=after)

    assert same["results"] == first["results"]
    assert same["hasMore"]


async def test_the_cursor_is_base64_of_time_and_uuid(http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        _, page = await logs(http, fake, limit=3)

    last = page["results"][-1]
    assert jsonlib.loads(base64.b64decode(page["nextCursor"])) == {
        "timestamp": last["timestamp"],
        "uuid": last["uuid"],
    }


async def test_a_mid_server_has_no_cursor_and_ignores_one(http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as new, FakePostHog(1, now=NOW, version="mid") as mid:
        _, page = await logs(http, new, limit=3)
        _, first = await logs(http, mid, limit=3)
        _, same = await logs(http, mid, limit=3, after=page["nextCursor"])

    assert set(first) == {"query", "results", "hasMore"}
    assert same["results"] == first["results"] == page["results"]


async def test_an_old_server_answers_query_and_results(http: ClientSession) -> None:
    # docs/server.md, Logs: the echo may be a list of pairs
    async with FakePostHog(1, now=NOW, version="old") as fake:
        _, page = await logs(http, fake, limit=3)

    assert set(page) == {"query", "results"}
    assert page["query"][0] == ["dateRange", DATES]


async def test_attributes_can_be_left_out(http: ClientSession) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        _, page = await logs(http, fake, limit=1, excludeAttributes=True)

    assert page["results"][0]["attributes"] == page["results"][0]["resource_attributes"] == {}


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({}, 400, {"error": "No query provided"}),
        ([], 400, {"error": "No query provided"}),
        ({"query": 5}, 400, "query must be an object"),
        ({"query": {}}, 400, "JSON parse error - dateRange is missing"),
        ({"query": {"dateRange": DATES, "severityLevels": None}}, 500, None),
        ({"query": {"dateRange": DATES, "serviceNames": None}}, 500, None),
        ({"query": {"dateRange": DATES, "severityLevels": ["loud"]}}, 500, None),
        ({"query": {"dateRange": DATES, "limit": None}}, 500, None),
        ({"query": {"dateRange": DATES, "limit": "10"}}, 500, None),
        ({"query": {"dateRange": {"date_from": "yesterday"}}}, 500, None),
        ({"query": {"dateRange": DATES, "filterGroup": {"type": "AND"}}}, 500, None),
        ({"query": {"dateRange": DATES, "filterGroup": ["x"]}}, 500, None),
        ({"query": {"dateRange": DATES, "filterGroup": [{"type": "event"}]}}, 500, None),
        (
            {"query": {"dateRange": DATES, "customColumns": ["c"] * 11}},
            400,
            {"error": "Too many custom columns: at most 10."},
        ),
    ],
)
async def test_a_bad_logs_query_is_refused(
    body: Any, status: int, expected: Any, http: ClientSession
) -> None:
    # docs/server.md, Logs
    async with FakePostHog(1, now=NOW) as fake:
        answered, error = await ask(http, fake, LOGS, body)

    assert answered == status
    if isinstance(expected, str):
        assert (error["type"], error["code"]) == ("invalid_request", "parse_error")
        assert error["detail"] == expected
    elif expected is not None:
        assert error == expected


@pytest.mark.parametrize(
    "query",
    [
        "text",
        {"filterGroup": [{"key": "message", "type": "log", "operator": "exact", "value": "x"}]},
        {
            "filterGroup": {
                "type": "AND",
                "values": [{"key": "message", "type": "log", "operator": "exact", "value": "x"}],
            }
        },
    ],
)
async def test_an_old_server_breaks_on_what_a_new_one_takes(
    query: Any, http: ClientSession
) -> None:
    # docs/server.md, Logs
    query = query if isinstance(query, str) else {"dateRange": DATES} | query
    async with FakePostHog(1, now=NOW, version="old") as fake:
        status, _ = await ask(http, fake, LOGS, {"query": query})

    assert status == 500


async def test_logs_end_now_unless_told_otherwise(http: ClientSession) -> None:
    async with FakePostHog(1) as fake:
        _, page = await logs(http, fake, limit=1, dateRange={"date_from": "-1h"})

    newest = datetime.fromisoformat(page["results"][0]["timestamp"])
    assert abs((datetime.now(UTC) - newest).total_seconds()) < 60


# Max


async def test_max_answers_a_list_of_entries(http: ClientSession) -> None:
    # docs/server.md, Max tools
    async with FakePostHog(1) as fake:
        status, entries = await ask(
            http, fake, MAX, {"query": "users by plan", "insight_type": "trends"}
        )
        _, sql = await ask(http, fake, MAX, {"query": "count users", "insight_type": "sql"})

    assert status == 200
    assert [entry["data"]["type"] for entry in entries] == ["ack", "ai/viz", "tool"]
    assert {entry["type"] for entry in entries} == {"message"}
    assert entries[1]["data"]["answer"]["kind"] == "TrendsQuery"
    assert sql[1]["data"]["answer"]["kind"] == "HogQLQuery"


async def test_max_fails_inside_a_200(http: ClientSession) -> None:
    # docs/server.md, Max tools
    async with FakePostHog(1) as fake:
        status, entries = await ask(
            http, fake, MAX, {"query": "the impossible", "insight_type": "sql"}
        )

    assert (status, entries[-1]["data"]["type"]) == (200, "ai/failure")


async def test_the_answer_of_max_can_be_scripted_once(http: ClientSession) -> None:
    async with FakePostHog(1) as fake:
        fake.insights += [[{"type": "status", "data": {"type": "generation_error"}}]]
        ask_body = {"query": "x", "insight_type": "sql"}
        _, scripted = await ask(http, fake, MAX, ask_body)
        _, made_up = await ask(http, fake, MAX, ask_body)

    assert scripted == [{"type": "status", "data": {"type": "generation_error"}}]
    assert len(made_up) == 3


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"query": "x"}, "required", "insight_type"),
        ({"insight_type": "sql"}, "required", "query"),
        ({"query": " ", "insight_type": "sql"}, "blank", "query"),
        ({"query": "x" * 1001, "insight_type": "sql"}, "max_length", "query"),
        ({"query": "x", "insight_type": "funnels"}, "invalid_choice", "insight_type"),
    ],
)
async def test_a_bad_question_is_refused(
    body: Any, code: str, attr: str, http: ClientSession
) -> None:
    # docs/server.md, Max tools
    async with FakePostHog(1) as fake:
        status, error = await ask(http, fake, MAX, body)

    assert (status, error["code"], error["attr"]) == (400, code, attr)


async def test_the_text_format_is_dead(http: ClientSession) -> None:
    # docs/server.md, Max tools
    async with FakePostHog(1) as fake:
        status, _ = await ask(http, fake, MAX, {}, format="txt")
        headers = {"Authorization": f"Bearer {fake.key}", "Accept": "text/event-stream"}
        async with http.post(fake.url + MAX, json={}, headers=headers) as response:
            assert (status, response.status) == (404, 406)
