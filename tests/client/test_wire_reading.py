"""What is read from the wire: whole, bounded, of the right type, in time (docs/reliability.md)."""

import gzip
import json
import os
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from fault_server import (
    FaultServer,
    Play,
    bomb,
    chunked,
    close,
    cut,
    drip,
    http,
    json_page,
    play,
    reset,
    stall,
    whole,
)
from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Backoff,
    PostHogEnv,
    PostHogError,
    ResponseDecodeError,
)
from posthog_env_async.session import is_too_large
from posthog_env_async.testing import FakePostHog

KEY = "phx_wire_reading"
GOOD = json_page()
CSV = b"id,name\r\n1,a\r\n2,b\r\n"
RETRY = Backoff(base=0.0)
ONCE = Backoff(max_attempts=1)
DEEP = b'{"results":' + b"[" * 1000 + b"]" * 1000 + b"}"


@asynccontextmanager
async def client(server: FaultServer, **how: Any) -> AsyncIterator[PostHogEnv]:
    settings = {"backoff": RETRY, "limits": None, "timeout": 5.0} | how
    async with PostHogEnv(1, api_key=KEY, host=server.url, **settings) as env:
        yield env


async def test_only_gzip_is_asked_for() -> None:
    async with FaultServer([whole(GOOD)]) as server, client(server) as env:
        await env.persons.list().page()

    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("packed", [False, True])
async def test_a_complete_response_is_read(packed: bool) -> None:
    async with FaultServer([whole(GOOD, packed=packed)]) as server, client(server) as env:
        people = await env.persons.list().collect()

    assert [person.name for person in people] == ["n"]
    assert len(server.requests) == 1


async def test_gzip_of_several_members_is_read_completely() -> None:
    body = gzip.compress(GOOD[:30]) + gzip.compress(GOOD[30:])
    answer = http(body, headers=[("Content-Encoding", "gzip")])
    async with FaultServer([play(answer)]) as server, client(server) as env:
        people = await env.persons.list().collect()

    assert len(people) == 1


async def test_a_chunked_body_is_read_completely() -> None:
    answer = chunked(GOOD[:10], GOOD[10:])
    async with FaultServer([play(answer)]) as server, client(server) as env:
        people = await env.persons.list().collect()

    assert len(people) == 1


PACKED = gzip.compress(GOOD, mtime=0)
GZIP = [("Content-Encoding", "gzip")]
LONG_HEADER = [("X-Long", "x" * 20_000)]
BROKEN: dict[str, Play] = {
    "closed in silence": close,
    "reset": reset,
    "reset in the head": cut(http(GOOD), 20, by_reset=True),
    "closed in the head": cut(http(GOOD), 20),
    "reset after the head": cut(http(GOOD), len(http(GOOD)) - len(GOOD), by_reset=True),
    "reset in the body": cut(http(GOOD), -5, by_reset=True),
    "closed in the body": cut(http(GOOD), -5),
    "a length too long": cut(http(GOOD, length=len(GOOD) + 3)),
    "a length too short": cut(http(GOOD, length=len(GOOD) - 3)),
    "a length that is not a number": cut(
        http(GOOD, length=None, headers=[("Content-Length", "x")])
    ),
    "a negative length": cut(http(GOOD, length=-7)),
    "two lengths": cut(http(GOOD, headers=[("Content-Length", "3")])),
    "a length and chunks": cut(http(GOOD, headers=[("Transfer-Encoding", "chunked")])),
    "no last chunk": cut(chunked(GOOD, end=b"")),
    "a chunk that is cut": cut(chunked(GOOD), -12),
    "a chunk size that is not a number": cut(chunked(end=b"zz\r\n{}\r\n0\r\n\r\n")),
    "a negative chunk size": cut(chunked(end=b"-5\r\n{}\r\n0\r\n\r\n")),
    "a huge chunk size": cut(chunked(end=b"f" * 40 + b"\r\n{}")),
    "gzip cut under a fitting length": play(http(PACKED[:-9], headers=GZIP)),
    "gzip cut by its last byte": play(http(PACKED[:-1], headers=GZIP)),
    "gzip without its checksum": play(http(PACKED[:-8], headers=GZIP)),
    "gzip with a wrong checksum": play(http(PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], headers=GZIP)),
    "gzip damaged": play(http(PACKED[:40] + b"\xff\xff" + PACKED[42:], headers=GZIP)),
    "gzip with garbage behind": play(http(PACKED + b"garbage", headers=GZIP)),
    "gzip of nothing": play(http(b"", headers=GZIP)),
    "plain said to be gzip": play(http(GOOD, headers=GZIP)),
    "deflate": play(http(zlib.compress(GOOD), headers=[("Content-Encoding", "deflate")])),
    "brotli": play(http(b"\x0b", headers=[("Content-Encoding", "br")])),
    "an empty answer": whole(b""),
    "blanks": whole(b"  \r\n"),
    "no length, closed early": cut(http(GOOD[:-9], length=None)),
    "HTML": whole(b"<html>login</html>", kind="text/html"),
    "JSON said to be HTML": whole(GOOD, kind="text/html"),
    "nonsense": whole(b"{]"),
    "half a page under a fitting length": whole(GOOD[: len(GOOD) // 2]),
    "two documents": whole(GOOD + GOOD),
    "NUL bytes": whole(b"\0" * 100),
    "NUL bytes behind": whole(GOOD + b"\0"),
    "not UTF-8": whole(b'{"results":[],"next":"\xff"}'),
    "deep JSON": whole(b"[" * 100_000),
    "no HTTP": cut(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "another version": cut(b"HTTP/9.9 200 OK\r\n\r\n"),
    "a status that is not a number": cut(http(GOOD, "2x0")),
    "a long header": cut(http(GOOD, headers=LONG_HEADER)),
    "thousands of headers": cut(http(GOOD, headers=[(f"X-{n}", "x") for n in range(5000)])),
    "NUL in a header": cut(http(GOOD, headers=[("X-Nul", "a\0b")])),
    "a timeout said by the server": whole(b"", 408),
    "a busy proxy in HTML": whole(b"<html>502 Bad Gateway</html>", 502, kind="text/html"),
    "a failed server in HTML": whole(b"<h1>Server Error (500)</h1>", 500, kind="text/html"),
    "a switch of protocols": cut(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
}
RAISED_AT_ONCE = {"a switch of protocols"}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_read_again(name: str) -> None:
    async with FaultServer([BROKEN[name], whole(GOOD)]) as server, client(server) as env:
        try:
            people = await env.persons.list().collect()
        except APIStatusError:
            assert name in RAISED_AT_ONCE
            return

    assert [person.name for person in people] == ["n"]
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_that_stays_broken_is_an_error_of_ours(name: str) -> None:
    async with FaultServer([], then=BROKEN[name]) as server, client(server) as env:
        with pytest.raises(PostHogError) as caught:
            await env.persons.list().collect()

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert len(server.requests) <= 5


ODD = {
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "results that are not a list": b'{"results": {}}',
    "rows that are not objects": b'{"results": [1, null, "x"]}',
    "deep rows": DEEP,
    "next that is not text": b'{"results": [], "next": 5}',
    "next that is not an address": b'{"results": [], "next": "http://[::1"}',
    "next without an offset": b'{"results": [], "next": "http://x/"}',
    "a number without an end": b'{"results": [], "count": ' + b"9" * 5000 + b"}",
    "an id without an end": b'{"results": [{"id": ' + b"9" * 5000 + b"}]}",
}


@pytest.mark.parametrize("name", ODD)
async def test_an_answer_of_the_wrong_shape_is_an_error_of_ours(name: str) -> None:
    async with FaultServer([], then=whole(ODD[name])) as server, client(server) as env:
        with pytest.raises(PostHogError):
            await env.persons.list().collect()


async def test_an_answer_of_the_wrong_type_says_which_came() -> None:
    html = whole(b"<html>sign in</html>", kind="text/html; charset=utf-8")
    async with FaultServer([], then=html) as server, client(server, backoff=ONCE) as env:
        with pytest.raises(ResponseDecodeError, match="text/html, not application/json"):
            await env.persons.get(1)


# size


async def test_a_body_may_be_as_large_as_allowed_after_decompression() -> None:
    async with (
        FaultServer([whole(GOOD, packed=True)]) as server,
        client(server, max_response_bytes=len(GOOD)) as env,
    ):
        assert len(await env.persons.list().collect()) == 1


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_larger_than_allowed_is_an_error(packed: bool) -> None:
    async with (
        FaultServer([], then=whole(GOOD, packed=packed)) as server,
        client(server, max_response_bytes=len(GOOD) - 1, backoff=ONCE) as env,
    ):
        with pytest.raises(APIConnectionError, match=f"larger than {len(GOOD) - 1} bytes"):
            await env.persons.list().collect()


async def test_a_body_larger_than_allowed_is_downloaded_once_and_the_message_says_what_to_do() -> (
    None
):
    async with (
        FaultServer([], then=whole(GOOD)) as server,
        client(server, max_response_bytes=len(GOOD) - 1) as env,
    ):
        with pytest.raises(APIConnectionError, match=r"page_size.*max_response_bytes") as caught:
            await env.request("GET", "persons/")

        assert len(server.requests) == 1
    assert (caught.value.too_large, caught.value.retryable) == (True, False)
    assert is_too_large(caught.value)


async def test_a_page_larger_than_allowed_is_read_in_smaller_ones() -> None:
    async with FakePostHog(persons=200, mode="routes") as fake:
        made: dict[str, Any] = {"api_key": fake.key, "host": fake.url, "max_response_bytes": 40_000}
        async with PostHogEnv(1, **made) as env:
            people = await env.persons.list(page_size="auto").collect()

    assert [person.uuid for person in people] == fake.uuids()


BOMBED = """
import asyncio, os, sys, time
if os.environ.get("WITHOUT_ISAL"):
    sys.modules["isal"] = None
from posthog_env_async import Backoff, PostHogEnv, PostHogError

async def main():
    once = Backoff(max_attempts=1)
    async with PostHogEnv(1, api_key="phx_x", host=sys.argv[1], backoff=once, limits=None) as env:
        began = time.monotonic()
        try:
            await env.persons.get(1)
        except PostHogError as error:
            print(type(error).__name__, time.monotonic() - began)
    # Not ru_maxrss: that begins at the peak of the process which started this one.
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1024)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def two_gibibytes() -> bytes:
    return bomb(2)


@pytest.mark.parametrize("without_isal", ["", "1"])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_bomb_is_an_error_within_two_seconds_and_150_megabytes(
    two_gibibytes: bytes, status: int, without_isal: str
) -> None:
    answer = play(http(two_gibibytes, status, headers=GZIP))
    async with FaultServer([], then=answer) as server:
        done = await anyio.run_process(
            [sys.executable, "-P", "-c", BOMBED, server.url],
            env=os.environ | {"WITHOUT_ISAL": without_isal, "PYTHONPATH": ":".join(sys.path)},
            stderr=subprocess.STDOUT,
        )

    error, seconds, megabytes = done.stdout.decode().split()
    assert error == ("APIConnectionError" if status == 200 else "ServerError")
    assert float(seconds) < 2
    assert float(megabytes) < 150


async def test_the_size_of_a_csv_is_not_bounded() -> None:
    body = b"id\r\n" + b"1234567\r\n" * 100_000
    answer = whole(body, kind="text/csv", packed=True)
    async with FaultServer([answer]) as server, client(server, max_response_bytes=1000) as env:
        pieces = [piece async for piece in env.persons.csv()]

    assert b"".join(pieces) == body


# time


@pytest.mark.parametrize(
    "slow",
    [
        stall(),
        stall(b"HTTP/1.1 200 OK\r\n"),
        stall(http(GOOD)[:-5]),
        drip(http(GOOD), every=0.05),
        drip(GOOD, head=http(b"", length=len(GOOD)), every=0.05),
    ],
    ids=["stall", "stall in the head", "stall in the body", "slow head", "slow body"],
)
async def test_an_attempt_takes_no_longer_than_its_timeout(slow: Play) -> None:
    async with (
        FaultServer([slow, whole(GOOD)]) as server,
        client(server, timeout=0.3) as env,
    ):
        with anyio.fail_after(2):
            assert len(await env.persons.list(page_size=2).collect()) == 1

    assert len(server.requests) == 2


async def test_a_timeout_that_stays_is_a_timeout_error() -> None:
    async with (
        FaultServer([], then=stall()) as server,
        client(server, timeout=0.1, backoff=ONCE) as env,
    ):
        with pytest.raises(APITimeoutError, match="no answer in time"):
            await env.persons.get(1)


@pytest.mark.parametrize(
    "slow",
    [
        stall(),
        drip(http(CSV, kind="text/csv"), every=0.05),
        stall(http(CSV, kind="text/csv")[:-5]),
    ],
    ids=["stall", "slow head", "stall in the body"],
)
async def test_a_stream_waits_no_longer_than_the_timeout_for_head_and_each_piece(
    slow: Play,
) -> None:
    async with (
        FaultServer([], then=slow) as server,
        client(server, timeout=0.3, backoff=ONCE) as env,
    ):
        with anyio.fail_after(2), pytest.raises(APITimeoutError):
            [piece async for piece in env.persons.csv()]


@pytest.mark.slow
async def test_a_body_that_trickles_is_given_up_long_before_the_timeout() -> None:
    trickle = drip(b" " * 100_000, head=http(b"", length=100_000), every=0.2)
    async with (
        FaultServer([], then=trickle) as server,
        client(server, timeout=120.0, backoff=ONCE) as env,
    ):
        with anyio.fail_after(20), pytest.raises(APITimeoutError, match="bytes in"):
            await env.persons.get(1)


async def test_the_deadline_ends_all_attempts() -> None:
    policy = Backoff(max_attempts=50, base=0.2, cap=0.2, deadline=0.5)
    async with FaultServer([], then=reset) as server, client(server, backoff=policy) as env:
        with pytest.raises(APIConnectionError) as caught:
            await env.persons.get(1)

    assert caught.value.attempts < 20


# CSV


@pytest.mark.parametrize("by_reset", [False, True])
async def test_a_csv_that_is_cut_has_no_foreign_error_in_its_chain(by_reset: bool) -> None:
    broken = cut(http(CSV, kind="text/csv"), -3, by_reset=by_reset)
    async with FaultServer([], then=broken) as server, client(server, backoff=ONCE) as env:
        with pytest.raises(PostHogError) as caught:
            [piece async for piece in env.persons.csv()]

    error: BaseException | None = caught.value
    while error is not None:
        assert isinstance(error, PostHogError), type(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "broken",
    [
        cut(http(CSV, kind="text/csv"), -3),
        cut(http(CSV, kind="text/csv", packed=True), -3),
        play(http(gzip.compress(CSV)[:-3], kind="text/csv", headers=GZIP)),
        play(http(b"", kind="text/csv", headers=GZIP)),
        play(http(CSV, kind="text/csv", headers=[("Content-Encoding", "br")])),
        cut(http(CSV, kind="text/csv", length=None)),
        whole(b"<html>sign in</html>", kind="text/html"),
    ],
    ids=[
        "cut",
        "gzip cut",
        "gzip cut under a fitting length",
        "gzip of nothing",
        "brotli",
        "endless",
        "HTML",
    ],
)
async def test_a_csv_is_complete_or_an_error(broken: Play) -> None:
    async with (
        FaultServer([], then=broken) as server,
        client(server, backoff=ONCE) as env,
    ):
        with pytest.raises(PostHogError) as streamed:
            [piece async for piece in env.persons.csv()]
        with pytest.raises(PostHogError) as whole_csv:
            await env.persons.get_csv(1)

    for caught in (streamed, whole_csv):
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


async def test_a_csv_that_breaks_before_its_first_piece_is_asked_for_again() -> None:
    good = whole(CSV, kind="text/csv")
    html = whole(b"<html>", kind="text/html")
    async with FaultServer([reset, html, good]) as server, client(server) as env:
        pieces = [piece async for piece in env.persons.csv()]

    assert b"".join(pieces) == CSV


async def test_a_csv_that_breaks_later_is_not_begun_again() -> None:
    broken = cut(http(CSV, kind="text/csv"), -3)
    async with (
        FaultServer([broken], then=whole(CSV, kind="text/csv")) as server,
        client(server) as env,
    ):
        pieces = list[bytes]()
        with pytest.raises(APIConnectionError):  # noqa: PT012 - the loop is the call
            async for piece in env.persons.csv():
                pieces.append(piece)

    assert b"".join(pieces) == CSV[:-3]
    assert len(server.requests) == 1


async def test_error_answers_keep_their_meaning_however_long_they_are() -> None:
    long = json.dumps({"detail": "no", "code": "x", "pad": "a" * 30_000}).encode()
    async with (
        FaultServer([], then=whole(long, 400)) as server,
        client(server, max_response_bytes=1000) as env,
    ):
        with pytest.raises(APIStatusError) as caught:
            await env.persons.get(1)

    assert caught.value.status == 400


async def test_huge_error_answers_cost_no_time() -> None:
    async with FaultServer([], then=whole(b"a" * 30_000_000, 400)) as server, client(server) as env:
        with pytest.raises(APIStatusError) as caught:
            await env.persons.get(1)

    assert caught.value.status == 400
