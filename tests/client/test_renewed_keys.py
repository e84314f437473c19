"""Keys that a function gives: asked once for all tasks, before they expire, and after a 401."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from posthog_env_async import (
    AuthenticationError,
    ConfigurationError,
    MissingScopeError,
    PostHogEnv,
    PostHogError,
    key_from_file,
)
from posthog_env_async.session import APIKey, KeySource
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client, create_folder, read


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


class Keys:
    """Gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]

    async def later(self) -> Any:
        await anyio.sleep(0.01)
        return self()


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_function_is_asked_once_for_all_tasks(fake: FakePostHog, how: str) -> None:
    keys = Keys(fake.key)
    async with (
        client(fake, api_key=keys if how == "sync" else keys.later) as env,
        anyio.create_task_group() as group,
    ):
        for _ in range(20):
            group.start_soon(read, env)

    assert keys.asked == 1
    assert {request.status for request in fake.requests} == {200}


@pytest.mark.parametrize(("seconds", "asked"), [(3600, 1), (61.5, 1), (59, 3), (-5, 3)])
async def test_a_key_is_asked_anew_a_minute_before_it_expires(
    fake: FakePostHog, seconds: float, asked: int
) -> None:
    keys = Keys((fake.key, in_seconds(seconds)))
    async with client(fake, api_key=keys) as env:
        for _ in range(3):
            await read(env)

    assert keys.asked == asked


@pytest.mark.parametrize("send", [read, create_folder])
async def test_a_key_that_was_refused_is_asked_for_once_more(
    fake: FakePostHog, send: Callable[[PostHogEnv], Any]
) -> None:
    keys = Keys("pha_old", fake.key)
    async with client(fake, api_key=keys) as env:
        await send(env)

    assert keys.asked == 2
    assert [request.status // 100 for request in fake.requests] == [4, 2]


async def test_many_tasks_with_a_refused_key_ask_once(fake: FakePostHog) -> None:
    keys = Keys("pha_old", fake.key)
    async with client(fake, api_key=keys) as env, anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(read, env)

    assert keys.asked == 2


async def test_a_key_that_stays_refused_is_an_error_after_two_requests(fake: FakePostHog) -> None:
    keys = Keys("pha_one", "pha_two", "pha_three")
    async with client(fake, api_key=keys) as env:
        with pytest.raises(AuthenticationError):
            await read(env)

    assert len(fake.requests) == 2


async def test_the_same_key_is_not_sent_again(fake: FakePostHog) -> None:
    async with client(fake, api_key=Keys("pha_old")) as env:
        with pytest.raises(AuthenticationError):
            await read(env)

    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        None,
        7,
        "",
        "phc_canary",
        "phx_canary\n",
        ("phx_canary",),
        ("phx_canary", 3600),
        ("phx_canary", datetime(2030, 1, 1)),  # noqa: DTZ001 - what is refused
    ],
)
async def test_an_answer_that_is_not_a_key_is_an_error_without_it(
    fake: FakePostHog, answer: Any
) -> None:
    async with client(fake, api_key=Keys(answer)) as env:
        with pytest.raises(ConfigurationError) as caught:
            await read(env)

    assert "canary" not in f"{caught.value}{env!r}{env._session!r}"  # noqa: SLF001
    assert fake.requests == []


async def test_a_function_that_fails_is_an_error_of_ours_without_its_text(
    fake: FakePostHog,
) -> None:
    def fails() -> str:
        raise OSError("phx_canary")

    async with client(fake, api_key=fails) as env:
        with pytest.raises(ConfigurationError, match="api_key function failed") as caught:
            await read(env)

    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_an_error_of_ours_comes_out_of_the_function_as_it_is(fake: FakePostHog) -> None:
    def fails() -> str:
        raise PostHogError("the vault is sealed")

    async with client(fake, api_key=fails) as env:
        with pytest.raises(PostHogError, match="sealed"):
            await read(env)


async def test_a_mounted_secret_is_read_again_after_a_401(
    fake: FakePostHog, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text("phx_old\n")
    async with client(fake, api_key=key_from_file(path)) as env:
        with pytest.raises(AuthenticationError):
            await read(env)
        path.write_text(f"{fake.key}\n")
        await read(env)

    assert [request.status for request in fake.requests] == [401, 401, 200]


async def test_a_mounted_secret_is_read_again_from_time_to_time(
    fake: FakePostHog, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(fake.key)
    async with client(fake, api_key=key_from_file(path, every=0.0)) as env:
        await read(env)
        os.remove(path)
        with pytest.raises(ConfigurationError, match="cannot read the key file"):
            await read(env)


async def test_a_source_with_a_text_never_asks() -> None:
    source = KeySource.of("phx_a")

    assert source.current is not None
    assert not await source.renew(APIKey("phx_a"))
    assert "phx_a" not in repr(source)


async def test_a_new_key_may_be_allowed_what_the_old_one_was_not(fake: FakePostHog) -> None:
    weak = fake.add_key(scopes=["person:read"])
    keys = Keys(weak, fake.key)
    async with client(fake, api_key=keys) as env:
        await env.key()
        with pytest.raises(MissingScopeError):
            await create_folder(env)
        fake.faults.append(Fault(401))
        await read(env)

        assert (await create_folder(env)).type == "home"
