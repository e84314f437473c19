"""Options for one call, extra headers and whole responses."""

import pickle
from typing import Any

import pytest

from posthog_env_async import (
    APITimeoutError,
    Backoff,
    ConfigurationError,
    NotFoundError,
    PostHogEnv,
    Response,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import NOBODY, client, read

SLOW = Fault(action="stall", seconds=1.0)


async def test_a_sibling_with_options_shares_connections_limits_and_counters(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    sibling = env.with_options(headers={"X-Team": "growth"})

    await read(env)
    await read(sibling)

    assert sibling.requests == env.requests == 2
    assert sibling.limiter is env.limiter
    assert [r.headers.get("X-Team") for r in fake.requests] == [None, "growth"]


async def test_the_timeout_of_a_sibling_is_its_own(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(SLOW)
    hasty = env.with_options(timeout=0.05, backoff=Backoff(max_attempts=1))

    with pytest.raises(APITimeoutError):
        await read(hasty)
    await read(env)


async def test_the_backoff_of_a_sibling_is_its_own(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(503))

    with pytest.raises(ServerError) as caught:
        await read(env.with_options(backoff=Backoff(max_attempts=1)))

    assert caught.value.attempts == 1


async def test_options_follow_to_another_project_and_to_further_options(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.add_project(2, persons=1)
    one = env.with_options(headers={"X-A": "1"})

    await read(one.for_project(2).with_options(headers={"x-b": "2"}))

    sent = fake.requests[-1]
    assert (sent.headers["X-A"], sent.headers["X-B"]) == ("1", "2")
    assert "/2/" in sent.path


async def test_a_listing_takes_the_options_of_its_client(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    await env.with_options(headers={"X-A": "1"}).persons.list(page_size=1_000).collect()

    assert {request.headers.get("X-A") for request in fake.requests} == {"1"}


async def test_headers_of_the_client_go_with_every_request(fake: FakePostHog) -> None:
    async with client(fake, headers={"X-A": "1", "User-Agent": "mine/1"}) as env:
        await read(env)

    assert fake.requests[-1].headers["X-A"] == "1"
    assert fake.requests[-1].headers["User-Agent"] == "mine/1"
    assert fake.requests[-1].headers["Authorization"] == f"Bearer {fake.key}"


@pytest.mark.parametrize(
    "headers",
    [
        *[
            {name: "x"}
            for name in (
                "Authorization",
                "aUTHORIZATION",
                "Proxy-Authorization",
                "Cookie",
                "Host",
                "Content-Length",
                "Transfer-Encoding",
                "Connection",
                "TE",
                "Trailer",
                "Upgrade",
                "Accept-Encoding",
                "",
                "X A",
                "X:A",
                "X-A\n",
                "X-Ä",
            )
        ],
        {"X-A": "a\r\nAuthorization: x"},
        {"X-A": "a\nb"},
        {"X-A": "\x00"},
        {"X-A": " a"},
        {"X-A": "ä"},
        {"X-A": "Bearer phx_canary"},
        {"X-A": 1},
    ],
)
async def test_a_header_that_could_carry_the_key_or_break_framing_is_refused(
    env: PostHogEnv, headers: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PostHogEnv(1, api_key="phx_a", headers=headers)
    with pytest.raises(ConfigurationError):
        env.with_options(headers=headers)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"prefix": "teams"}])
async def test_an_option_that_cannot_work_is_refused(
    env: PostHogEnv, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        env.with_options(**options)


# send


async def test_a_response_has_status_headers_body_attempts_and_time(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(503))

    response = await env.send("GET", "persons/", params={"limit": 1})

    assert (response.status, response.attempts) == (200, 2)
    assert response.headers["CONTENT-TYPE"] == response.headers["content-type"]
    assert response.headers.getall("Content-Type") == response.getall("content-type")
    assert len(response.json()["results"]) == 1
    assert response.elapsed > 0
    assert "results" not in repr(response)


async def test_a_header_that_comes_twice_has_both_values(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    response = await env.send("GET", "persons/")
    again: Response = pickle.loads(pickle.dumps(response))  # noqa: S301 - made right here

    assert response.getall("X-Missing") == ()
    assert again == response or again.body == response.body
    assert dict(again.headers) == dict(response.headers)
    assert "content-type" in response.headers
    assert len(response.headers) == len(list(response.headers))


async def test_send_raises_as_request_does(env: PostHogEnv, fake: FakePostHog) -> None:
    with pytest.raises(NotFoundError):
        await env.send("GET", f"persons/{NOBODY}/")


async def test_a_body_that_is_not_json_is_an_error_when_it_is_decoded(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(200, body=b"{", headers={"Content-Type": "application/json"}))

    response = await env.send("GET", "persons/")

    with pytest.raises(ResponseDecodeError):
        response.json()


async def test_another_type_is_asked_for_by_a_header(env: PostHogEnv, fake: FakePostHog) -> None:
    options = env.with_options(headers={"Accept": "text/csv"})

    response = await options.send("GET", "persons/", params={"format": "csv"})

    assert response.headers["Content-Type"].startswith("text/csv")


async def test_a_page_has_the_headers_that_it_came_with(env: PostHogEnv, fake: FakePostHog) -> None:
    for listing in (env.persons.list(page_size=1_000), env.logs.query(page_size=10)):
        async for page in listing.pages():
            assert page.headers["content-type"] == "application/json"
            assert page.headers.getall("Content-Type") == ("application/json",)


async def test_a_response_without_a_body_decodes_to_none(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(202, action="empty"))

    response = await env.send("DELETE", f"persons/{NOBODY}/")

    assert (response.status, response.body, response.json()) == (202, b"", None)
