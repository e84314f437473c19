"""One call from scope to answer: who asks, and what an answer means.

See docs/server.md, Prefixes, Authentication and Errors.
"""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    Backoff,
    BadRequestError,
    ConflictError,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    PostHogEnv,
    QueryTooExpensiveError,
    QuotaExceededError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import NOBODY, client, create_folder, read


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=30, mode="routes") as server:
        yield server


# who is asking


async def test_the_key_goes_in_a_header_and_nowhere_else(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await read(env)
    await create_folder(env)

    for request in fake.requests:
        assert request.headers["Authorization"] == f"Bearer {fake.key}"
        assert fake.key not in f"{request.path}{request.query}{request.body!r}"
        assert "Origin" not in request.headers
        assert "Cookie" not in request.headers


async def test_a_request_says_who_sends_it_and_what_it_takes(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await create_folder(env)

    headers = fake.requests[-1].headers
    assert headers["User-Agent"].startswith("posthog-env-async/")
    assert headers["Accept"] == "application/json"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Content-Type"] == "application/json"


async def test_a_read_has_no_content_type(env: PostHogEnv, fake: FakePostHog) -> None:
    await read(env)

    assert "Content-Type" not in fake.requests[-1].headers


async def test_an_unknown_key_is_an_authentication_error(fake: FakePostHog) -> None:
    async with client(fake, api_key="phx_unknown") as env:
        with pytest.raises(AuthenticationError) as caught:
            await read(env)

    assert (caught.value.status, caught.value.code) == (401, "authentication_failed")
    assert "phx_unknown" not in f"{caught.value!r}{caught.value.__dict__}"


async def test_a_missing_scope_is_named_after_the_server_refused(fake: FakePostHog) -> None:
    weak = fake.add_key(scopes=["insight:read"])
    async with client(fake, api_key=weak) as env:
        with pytest.raises(MissingScopeError) as caught:
            await env.persons.list().first()

    assert (caught.value.scope, caught.value.status) == ("person:read", 403)
    assert caught.value.attempts == 1


async def test_a_missing_scope_is_named_before_anything_is_sent_once_the_key_is_known(
    fake: FakePostHog,
) -> None:
    weak = fake.add_key(scopes=["insight:read"])
    async with client(fake, api_key=weak) as env:
        await env.key()
        fake.requests.clear()

        with pytest.raises(MissingScopeError) as caught:
            await env.persons.list().first()

    assert (caught.value.scope, caught.value.attempts) == ("person:read", 0)
    assert fake.requests == []


@pytest.mark.parametrize("scopes", [["person:read"], ["person:write"], ["*"]])
async def test_write_implies_read_and_a_star_is_all(fake: FakePostHog, scopes: list[str]) -> None:
    key = fake.add_key(scopes=scopes)
    async with client(fake, api_key=key) as env:
        await env.key()

        assert await env.persons.list().first() is not None


async def test_another_403_is_not_a_missing_scope(fake: FakePostHog) -> None:
    elsewhere = fake.add_key(scoped_teams=[2])
    async with client(fake, api_key=elsewhere) as env:
        with pytest.raises(PermissionDeniedError) as caught:
            await read(env)

    assert not isinstance(caught.value, MissingScopeError)
    assert caught.value.type == "authentication_error"


# what an answer means


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, QuotaExceededError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, APIStatusError),
        (409, ConflictError),
        (413, APIStatusError),
        (512, QueryTooExpensiveError),
        (513, QueryTooExpensiveError),
    ],
)
async def test_what_cannot_help_is_raised_after_one_attempt(
    env: PostHogEnv, fake: FakePostHog, status: int, kind: type[APIStatusError]
) -> None:
    fake.faults.append(Fault(status))

    with pytest.raises(kind) as caught:
        await read(env)

    error = caught.value
    assert (error.status, error.attempts, error.method) == (status, 1, "GET")
    assert error.url == f"{fake.url}/api/environments/1/persons/"
    assert len(fake.requests) == 1


@pytest.mark.parametrize("action", ["html", "text", "empty"])
async def test_an_answer_of_a_gateway_is_an_error_all_the_same(
    env: PostHogEnv, fake: FakePostHog, action: Any
) -> None:
    fake.faults.append(Fault(502, action=action, times=5))

    with pytest.raises(ServerError, match="502") as caught:
        await read(env)

    assert caught.value.attempts == 5
    assert caught.value.detail


async def test_an_answer_that_is_empty_is_none(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(202, action="empty"))

    assert await env.request("DELETE", f"persons/{NOBODY}/") is None


# bodies


@pytest.mark.parametrize("odd", ["two members", "damaged", "cut", "huge", "unasked"])
async def test_a_compressed_body_is_complete_or_an_error(fake: FakePostHog, odd: str) -> None:
    text = b'{"results": []}'
    bodies = {
        "two members": gzip.compress(text[:5]) + gzip.compress(text[5:]),
        "damaged": gzip.compress(text)[:12] + b"xxxxxxxxxxxx",
        "cut": gzip.compress(text)[:-4],
        "huge": gzip.compress(b" " * 3_000_000),
        "unasked": text,
    }
    coding = "br" if odd == "unasked" else "gzip"
    fault = Fault(200, body=bodies[odd], headers={"Content-Encoding": coding})
    fake.faults.append(fault)
    once = Backoff(max_attempts=1)
    async with client(fake, backoff=once, max_response_bytes=2_000_000) as env:
        if odd == "two members":
            assert await read(env) == {"results": []}
        else:
            with pytest.raises(APIConnectionError, match="no whole answer"):
                await read(env)


async def test_a_large_compressed_body_is_read_completely(fake: FakePostHog) -> None:
    text = b'{"results": [], "padding": "' + b"x" * 3_000_000 + b'"}'
    coding = {"Content-Encoding": "gzip"}
    fake.faults.append(Fault(200, body=gzip.compress(text), headers=coding))
    async with client(fake) as env:
        page = await read(env)

    assert len(page["padding"]) == 3_000_000


async def test_compressed_pages_are_read() -> None:
    async with FakePostHog(persons=500, mode="routes", gzip=True) as fake, client(fake) as env:
        persons = await env.persons.list(page_size=100).collect()

    assert [person.uuid for person in persons] == fake.existed_throughout()
