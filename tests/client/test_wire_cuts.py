"""Every answer cut at any byte: the whole result, or an error, never a short or wrong one."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any

import attrs
import pytest

from fault_server import FaultServer, Play, cut, play
from posthog_env_async import Backoff, PostHogEnv, PostHogError
from posthog_env_async.testing import FakePostHog

RETRY = Backoff(base=0.0)
Ask = Callable[[PostHogEnv], Coroutine[Any, Any, Any]]


async def csv(env: PostHogEnv) -> bytes:
    return b"".join([piece async for piece in env.persons.csv()])


async def first_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.create("home", path="x")


async def rows(env: PostHogEnv) -> list[bytes]:
    return [row async for row in env.persons.list(max_items=50).rows()]


ASKS: dict[str, Ask] = {
    "rows": rows,
    "a page": lambda env: env.persons.list(max_items=50).collect(),
    "a person": lambda env: env.persons.get(1),
    "a count": lambda env: env.persons.list().count(),
    "a CSV": csv,
    "folders": lambda env: env.persisted_folders.list().collect(),
    "a folder": first_folder,
    "logs": lambda env: env.logs.query(max_items=20).collect(),
    "the key": lambda env: env.key(),
    "projects": lambda env: env.projects.list().collect(),
    "a request": lambda env: env.request("GET", "persons", params={"limit": 5}),
}


@attrs.frozen
class Recording:
    """What the embedded server answers to a call, byte for byte, and what the call makes of it."""

    raw: bytes
    result: Any

    @property
    def head(self) -> int:
        return self.raw.index(b"\r\n\r\n") + 4


async def recorded(ask: Ask, *, packed: bool) -> Recording:
    """Take the answer down as it passes a relay."""
    async with (
        FakePostHog(persons=60, logs=30, gzip=packed, mode="routes") as fake,
        FaultServer([]) as relay,
    ):
        taken = list[bytes]()

        async def pass_on(connection: Any) -> None:
            seen = connection.request
            host, port = fake.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            head = "".join(f"{name}: {value}\r\n" for name, value in seen.headers.items())
            writer.write(f"{seen.method} {seen.target} HTTP/1.1\r\n{head}".encode())
            writer.write(b"Connection: close\r\n\r\n" + seen.body)
            taken.append(await reader.read())
            writer.close()
            await connection.send(taken[-1])
            connection.close()

        relay.then = pass_on
        async with new_client(relay, fake.key) as env:
            result = await ask(env)
    return Recording(taken[0], result)


def new_client(server: FaultServer, key: str = "phx_cut") -> PostHogEnv:
    return PostHogEnv(1, api_key=key, host=server.url, backoff=RETRY, limits=None, timeout=5.0)


def spoiled(recording: Recording, at: int) -> Iterator[Play]:
    """Cut by closing, by reset, and in the body under a length that fits."""
    raw, head = recording.raw, recording.head
    yield cut(raw, at)
    yield cut(raw, at, by_reset=True)
    if at >= head:
        length = f"Content-Length: {len(raw) - head}".encode()
        assert length in raw
        yield play(raw[:at].replace(length, f"Content-Length: {at - head}".encode()))


async def results_of(ask: Ask, recording: Recording, places: list[int]) -> list[Any]:
    """Ask once for every way to spoil the first answer; what follows it is whole."""
    results = list[Any]()
    async with FaultServer([], then=cut(recording.raw)) as server:
        for at in places:
            for spoil in spoiled(recording, at):
                server.plays = [spoil]
                async with new_client(server) as env:
                    try:
                        results.append(await ask(env))
                    except PostHogError as error:
                        results.append(error)
    return results


@pytest.mark.parametrize("packed", [False, True], ids=["identity", "gzip"])
@pytest.mark.parametrize("name", ASKS)
async def test_a_response_cut_anywhere_is_read_completely_or_is_an_error(
    name: str, packed: bool
) -> None:
    await check_cuts(name, packed=packed, count=4)


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True], ids=["identity", "gzip"])
@pytest.mark.parametrize("name", ASKS)
async def test_a_response_cut_at_500_positions_is_read_completely_or_is_an_error(
    name: str, packed: bool
) -> None:
    await check_cuts(name, packed=packed, count=500)


async def check_cuts(name: str, *, packed: bool, count: int) -> None:
    ask, random = ASKS[name], Random(f"{name} {packed}")
    recording = await recorded(ask, packed=packed)
    size, head = len(recording.raw), recording.head
    edges = [0, 1, head - 1, head, size - 1]
    anywhere = [random.randrange(size) for _ in range(count // 2)]
    in_the_body = [random.randrange(head, size) for _ in range(count - len(anywhere))]
    is_plain_csv = name == "a CSV" and b"Content-Encoding" not in recording.raw

    results = await results_of(ask, recording, [*edges, *anywhere, *in_the_body])

    errors = [result for result in results if isinstance(result, PostHogError)]
    wrong = [result for result in results if result not in errors and result != recording.result]
    if is_plain_csv:
        # Under a length that fits, nothing but the end of a line can tell a plain CSV's end.
        wrong = [result for result in wrong if result[-1:] not in {b"\n", b""}]
    else:
        assert name == "a CSV" or not errors, "a read is asked for again"
    assert wrong == []
