"""What is sent again after a failure, how often, and what never is.

See docs/server.md, Prefixes and Errors.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    NotFoundError,
    PostHogEnv,
    PostHogError,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault
from sessions import EAGER, NOBODY, client, create_folder, read


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=30, mode="routes") as server:
        yield server


async def query_logs(env: PostHogEnv) -> Any:
    return await env.logs.query(max_items=1).collect()


async def replace_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.replace(NOBODY, type="home")


async def patch_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.update(NOBODY, path="a")


async def post(env: PostHogEnv) -> Any:
    return await env.request("POST", "persons/", json={"a": 1})


async def ask(env: PostHogEnv) -> Any:
    return await env.max_tools.create_and_query_insight("users", "trends")


Step = Callable[[PostHogEnv], Awaitable[Any]]
SAFE = [read, query_logs, create_folder, replace_folder]


@pytest.mark.parametrize("step", SAFE)
@pytest.mark.parametrize(
    "fault",
    [Fault(status) for status in (408, 502, 503, 504, 520, 524)]
    + [Fault(action=action) for action in ("reset", "disconnect", "lost", "truncate", "cut")]
    + [Fault(500), Fault(429, headers={"Retry-After": "0"})],
    ids=lambda fault: f"{fault.action}-{fault.status}",
)
async def test_what_is_safe_to_repeat_is_repeated(
    env: PostHogEnv, fake: FakePostHog, step: Step, fault: Fault
) -> None:
    if step is replace_folder:
        folder = await env.persisted_folders.create("home")
        fake.requests.clear()
        fake.faults.append(fault)
        await env.persisted_folders.replace(folder.id, type="home")
    else:
        fake.faults.append(fault)
        await step(env)

    assert len(fake.requests) == 2
    assert env.retries == 1


@pytest.mark.parametrize("step", SAFE)
async def test_there_are_five_attempts(env: PostHogEnv, fake: FakePostHog, step: Step) -> None:
    fake.faults.append(Fault(503, times=99))

    with pytest.raises(ServerError) as caught:
        await step(env)

    assert caught.value.attempts == len(fake.requests) == 5


async def test_a_500_may_be_the_callers_fault_and_is_repeated_twice(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(500, times=99))

    with pytest.raises(ServerError) as caught:
        await read(env)

    assert caught.value.attempts == 3


@pytest.mark.parametrize("step", [post, patch_folder])
@pytest.mark.parametrize(
    "fault",
    [Fault(503), Fault(500), Fault(action="lost"), Fault(200, body="<html>", action="text")],
    ids=["503", "500", "lost", "no-json"],
)
async def test_a_write_that_may_have_happened_is_not_repeated(
    env: PostHogEnv, fake: FakePostHog, step: Step, fault: Fault
) -> None:
    fake.faults.append(fault)

    with pytest.raises(PostHogError):
        await step(env)

    assert len(fake.requests) == 1


async def test_a_write_whose_answer_was_lost_says_so(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="lost"))

    with pytest.raises(APIConnectionError, match="check before sending it again") as caught:
        await post(env)

    assert caught.value.outcome_unknown


@pytest.mark.parametrize("step", [post, patch_folder])
async def test_a_write_that_was_refused_for_the_rate_limit_is_repeated(
    env: PostHogEnv, fake: FakePostHog, step: Step
) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "0"}))

    with pytest.raises(APIStatusError) as caught:
        await step(env)

    assert (caught.value.attempts, len(fake.requests)) == (2, 2)


@pytest.mark.parametrize(
    "fault",
    [Fault(429, headers={"Retry-After": "0"}), Fault(503), Fault(action="reset")],
    ids=["429", "503", "reset"],
)
async def test_a_question_to_max_is_asked_once(
    env: PostHogEnv, fake: FakePostHog, fault: Fault
) -> None:
    fake.faults.append(fault)

    with pytest.raises(PostHogError):
        await ask(env)

    assert len(fake.requests) == 1


async def test_a_delete_whose_first_answer_was_lost_is_a_success(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    folder = await env.persisted_folders.create("home")
    fake.faults.append(Fault(action="lost", method="DELETE"))

    await env.persisted_folders.delete(folder.id)

    assert [request.status for request in fake.requests[-2:]] == [0, 404]


async def test_a_delete_of_nothing_is_an_error(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "0"}))

    with pytest.raises(NotFoundError):
        await env.persisted_folders.delete(NOBODY)


async def test_an_answer_that_does_not_fit_is_not_asked_for_again(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults.append(Fault(200, body={"id": NOBODY}))

    with pytest.raises(ResponseDecodeError, match=r"\$\.type"):
        await env.persisted_folders.get(NOBODY)

    assert len(fake.requests) == 1


async def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    async with FakePostHog(persons=0) as gone:
        url = gone.url
    async with PostHogEnv(1, api_key="phx_a", host=url, backoff=EAGER) as env:
        with pytest.raises(APIConnectionError, match="cannot connect") as caught:
            await post(env)

    assert (caught.value.attempts, caught.value.outcome_unknown) == (5, False)


async def test_no_error_of_another_library_comes_out(env: PostHogEnv, fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="reset", times=9))

    with pytest.raises(APIConnectionError) as caught:
        await read(env)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_client_that_spent_its_retries_leaves_the_server_alone(fake: FakePostHog) -> None:
    fake.faults.append(Fault(503, times=10_000))
    async with client(fake) as env:
        for _ in range(60):
            with pytest.raises(ServerError):
                await read(env)

    assert env.requests == len(fake.requests) == 60 + 50
    assert env.retries == 50


async def test_a_retry_is_logged_without_key_and_values(
    env: PostHogEnv, fake: FakePostHog, caplog: pytest.LogCaptureFixture
) -> None:
    fake.faults.append(Fault(503))
    with caplog.at_level(logging.WARNING, "posthog_env_async"):
        await env.persons.list(search="ada@example.com").first()

    (line,) = caplog.messages
    assert "attempt 1 failed" in line
    assert "ada" not in line
    assert fake.key not in line
