"""Questions to PostHog's AI: slow, costly, and failing inside a 200 (docs/server.md, Max tools)."""

from typing import Any

import pytest

from posthog_env_async import (
    APITimeoutError,
    ConfigurationError,
    EndpointNotAvailableError,
    MissingScopeError,
    NotFoundError,
    PostHogEnv,
    RateLimitError,
    ResponseDecodeError,
)
from posthog_env_async.testing import FakePostHog, Fault

QUESTION = "weekly active users by plan"


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("trends", "TrendsQuery"),
        ("funnel", "FunnelsQuery"),
        ("retention", "RetentionQuery"),
        ("sql", "HogQLQuery"),
    ],
)
async def test_an_insight_of_every_kind_has_its_query(
    env: PostHogEnv, kind: str, query: str
) -> None:
    answer = await env.max_tools.create_and_query_insight(QUESTION, kind)

    assert answer.query is not None
    assert answer.query["kind"] == query
    assert not answer.failed
    assert answer.text == "Results: 42"
    assert answer.entries[0]["data"] == {"type": "ack"}


async def test_the_question_is_sent_once_with_both_fields(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await env.max_tools.create_and_query_insight(QUESTION, "trends")

    (request,) = fake.requests
    assert request.json() == {"query": QUESTION, "insight_type": "trends"}
    assert request.query == {"format": "json"}


async def test_a_failure_comes_inside_a_200(env: PostHogEnv) -> None:
    answer = await env.max_tools.create_and_query_insight("an impossible thing", "trends")

    assert answer.failed
    assert answer.query is None
    assert "Oops" in answer.text


async def test_entries_of_kinds_unknown_are_kept(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.insights.append([{"type": "new", "data": {"type": "ai/dream"}}])

    answer = await env.max_tools.create_and_query_insight(QUESTION, "sql")

    assert answer.entries == ({"type": "new", "data": {"type": "ai/dream"}},)


async def test_text_is_not_available_on_servers_of_today(env: PostHogEnv) -> None:
    with pytest.raises(EndpointNotAvailableError, match="ask for json") as caught:
        await env.max_tools.create_and_query_insight(QUESTION, "trends", format="txt")

    assert caught.value.attempts == 1
    assert caught.value.__context__ is None


async def test_the_text_of_an_early_server_is_an_answer(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(200, body="Forty-two.", action="text"))

    answer = await env.max_tools.create_and_query_insight(QUESTION, "trends", format="txt")

    assert answer.text == "Forty-two."
    assert fake.requests[-1].query == {"format": "txt"}


@pytest.mark.parametrize("format_", ["json", "txt"])
async def test_a_server_without_max_says_what_it_needs(format_: Any) -> None:
    async with (
        FakePostHog(persons=0, mode="routes", max_tools=False) as fake,
        PostHogEnv(1, api_key=fake.key, host=fake.url) as env,
    ):
        with pytest.raises(EndpointNotAvailableError, match="enterprise"):
            await env.max_tools.create_and_query_insight(QUESTION, "sql", format=format_)


async def test_an_unknown_project_is_not_found(env: PostHogEnv) -> None:
    with pytest.raises(NotFoundError) as caught:
        await env.for_project(99).max_tools.create_and_query_insight(QUESTION, "sql")

    assert not isinstance(caught.value, EndpointNotAvailableError)


@pytest.mark.parametrize("missing", ["insight:read", "query:read"])
async def test_both_scopes_are_needed(fake: FakePostHog, missing: str) -> None:
    scopes = {"insight:read", "query:read"} - {missing}
    weak = fake.add_key(scopes=scopes)
    async with PostHogEnv(1, api_key=weak, host=fake.url) as env:
        await env.key()
        with pytest.raises(MissingScopeError) as caught:
            await env.max_tools.create_and_query_insight(QUESTION, "sql")

    assert caught.value.scope == missing


async def test_a_daily_limit_is_not_slept_on(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "40000"}))

    with pytest.raises(RateLimitError) as caught:
        await env.max_tools.create_and_query_insight(QUESTION, "sql", retry_throttled=True)

    assert caught.value.retry_after == 40_000.0
    assert len(fake.requests) == 1


async def test_a_question_has_its_own_patience(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall"))

    with pytest.raises(APITimeoutError, match="may have been carried out"):
        await env.max_tools.create_and_query_insight(QUESTION, "sql", timeout=0.05)

    assert len(fake.requests) == 1


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"null"])
async def test_a_response_that_is_not_a_list_of_entries_is_an_error(
    env: PostHogEnv, fake: FakePostHog, body: bytes
) -> None:
    fake.faults.append(Fault(200, body=body))

    with pytest.raises(ResponseDecodeError, match="list of objects"):
        await env.max_tools.create_and_query_insight(QUESTION, "sql")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "trends"), "query"),
        (("  ", "trends"), "query"),
        (("x" * 1001, "trends"), "1000"),
        ((7, "trends"), "query"),
        (("x", "funnels"), "insight_type"),
    ],
)
async def test_a_question_that_the_server_refuses_is_not_sent(
    env: PostHogEnv, fake: FakePostHog, arguments: tuple[Any, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await env.max_tools.create_and_query_insight(*arguments)

    assert fake.requests == []


async def test_a_format_is_json_or_txt(env: PostHogEnv) -> None:
    wrong: Any = "csv"

    with pytest.raises(ConfigurationError, match="format"):
        await env.max_tools.create_and_query_insight(QUESTION, "sql", format=wrong)
