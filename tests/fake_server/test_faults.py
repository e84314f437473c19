"""Faults, throttles, latency and drift in the embedded server."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError, ClientPayloadError, ClientSession, ServerDisconnectedError

from posthog_env_async.testing import CLOUD_THROTTLES, Drift, FakePostHog, Fault

PERSONS = "/api/projects/1/persons/"
FOLDERS = "/api/projects/1/persisted_folder/"
MAX = "/api/projects/1/max_tools/create_and_query_insight/"
ONE_A_MINUTE = {"persons": ((1, 60.0),)}


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def ask(
    http: ClientSession,
    fake: FakePostHog,
    path: str = PERSONS,
    *,
    key: str | None = None,
    method: str = "GET",
) -> tuple[int, bytes, Any]:
    headers = {"Authorization": f"Bearer {key or fake.key}"}
    async with http.request(method, fake.url + path, headers=headers) as response:
        return response.status, await response.read(), response.headers


async def statuses(http: ClientSession, fake: FakePostHog, *paths: str) -> list[int]:
    return [(await ask(http, fake, path))[0] for path in paths]


# when


async def test_faults_are_played_in_order_and_then_it_is_over(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        fake.faults += [Fault(503, times=2), Fault(502)]

        found = await statuses(http, fake, *[PERSONS] * 4)

        assert found == [503, 503, 502, 200]
        assert fake.faults == []


async def test_a_fault_can_wait_for_its_turn(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        fake.faults.append(Fault(500, after=2))

        assert await statuses(http, fake, *[PERSONS] * 4) == [200, 200, 500, 200]


async def test_a_fault_can_mean_some_requests_only(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        fake.faults += [
            Fault(503, path="offset=2"),
            Fault(504, path=re.compile(r"folder/$")),
            Fault(418, method="DELETE"),
        ]

        found = await statuses(http, fake, PERSONS, f"{PERSONS}?offset=2", FOLDERS, FOLDERS)

        assert found == [200, 503, 504, 200]
        assert fake.faults == [Fault(418, method="DELETE")]


# what


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, "authentication_error", "authentication_failed"),
        (402, "quota_limit_exceeded", "payment_required"),
        (500, "server_error", "error"),
        (513, "server_error", "clickhouse_memory_limit_exceeded"),
        (520, "server_error", "error"),
    ],
)
async def test_a_status_brings_the_body_that_posthog_sends_with_it(
    status: int, kind: str, code: str, http: ClientSession
) -> None:
    # docs/server.md, Errors
    async with FakePostHog(5) as fake:
        fake.faults.append(Fault(status))
        headers = {"Authorization": f"Bearer {fake.key}"}
        async with http.get(fake.url + PERSONS, headers=headers) as response:
            body = await response.json()

    assert (response.status, body["type"], body["code"]) == (status, kind, code)


@pytest.mark.parametrize(
    ("fault", "body", "kind"),
    [
        (Fault(503, body={"error": "busy"}), b'{"error":"busy"}', "application/json"),
        (Fault(200, body="[1"), b"[1", "application/json"),
        (Fault(504, action="text"), b"upstream request timeout", "text/plain"),
        (Fault(403, action="html", body=b"<p>"), b"<p>", "text/html; charset=utf-8"),
        (Fault(500, action="empty"), b"", None),
        (Fault(500, body=b"x", headers={"Content-Type": "a/b"}), b"x", "a/b"),
    ],
)
async def test_odd_bodies_come_as_they_are_given(
    fault: Fault, body: bytes, kind: str | None, http: ClientSession
) -> None:
    # docs/server.md, Errors
    async with FakePostHog(5) as fake:
        fake.faults.append(fault)
        status, found, headers = await ask(http, fake)

    assert (status, found, headers.get("Content-Type")) == (fault.status, body, kind)


async def test_a_gateway_speaks_html(http: ClientSession) -> None:
    # docs/server.md, Errors
    async with FakePostHog(5) as fake:
        fake.faults.append(Fault(502, action="html", headers={"Retry-After": "7"}))
        status, body, headers = await ask(http, fake)

    assert (status, body[:6], headers["Retry-After"]) == (502, b"<html>", "7")


@pytest.mark.parametrize("action", ["reset", "disconnect", "lost"])
async def test_a_connection_can_break_without_an_answer(action: Any, http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        fake.faults.append(Fault(action=action, times=2))  # aiohttp repeats a GET by itself

        with pytest.raises((ServerDisconnectedError, ClientError)):
            await ask(http, fake)

        assert {call.status for call in fake.requests} == {0}
        fake.faults.clear()
        assert (await ask(http, fake))[0] == 200


async def test_a_lost_answer_has_taken_effect(http: ClientSession) -> None:
    async with FakePostHog(5) as fake:
        headers = {"Authorization": f"Bearer {fake.key}"}
        url = fake.url + FOLDERS
        fake.faults.append(Fault(action="lost", method="POST"))

        with pytest.raises(ClientError):
            await http.post(url, json={"type": "home"}, headers=headers)

        async with http.get(url, headers=headers) as response:
            assert (await response.json())["count"] == 1


async def test_a_body_can_end_too_early(http: ClientSession) -> None:
    async with FakePostHog(100) as fake:
        fake.faults.append(Fault(action="truncate"))

        with pytest.raises(ClientPayloadError):
            await ask(http, fake)


async def test_a_body_can_be_cut_under_a_fitting_length(http: ClientSession) -> None:
    async with FakePostHog(100) as fake:
        _, whole, _ = await ask(http, fake)
        fake.faults.append(Fault(action="cut"))
        status, half, _ = await ask(http, fake)

    assert status == 200
    assert half == whole[: len(whole) // 2]


async def test_an_answer_can_be_the_one_before(http: ClientSession) -> None:
    async with FakePostHog(100) as fake:
        fake.faults.append(Fault(action="previous", after=1))
        _, first, _ = await ask(http, fake, f"{PERSONS}?limit=2")
        _, second, _ = await ask(http, fake, f"{PERSONS}?limit=2&offset=2")
        _, third, _ = await ask(http, fake, f"{PERSONS}?limit=2&offset=4")

    assert second == first
    assert third != first


@pytest.mark.parametrize("action", ["stall", "stall_body"])
async def test_an_answer_can_be_late(action: Any, http: ClientSession) -> None:
    async with FakePostHog(100) as fake:
        _, whole, _ = await ask(http, fake)
        fake.faults.append(Fault(action=action, seconds=0.2))
        started = asyncio.get_running_loop().time()

        status, body, _ = await ask(http, fake)

        assert asyncio.get_running_loop().time() - started >= 0.19
        assert (status, body) == (200, whole)


async def test_closing_the_fake_ends_a_stall(http: ClientSession) -> None:
    async with FakePostHog(100) as fake:
        fake.faults.append(Fault(action="stall_body"))
        headers = {"Authorization": f"Bearer {fake.key}"}
        async with http.get(fake.url + PERSONS, headers=headers) as response:
            await asyncio.wait_for(fake.aclose(), 5)

            assert len((await response.json())["results"]) == 100


# throttles


async def test_the_second_call_of_a_window_of_one_is_refused(http: ClientSession) -> None:
    # docs/server.md, Throttles
    async with FakePostHog(5, throttles=ONE_A_MINUTE) as fake:
        assert (await ask(http, fake))[0] == 200
        status, body, headers = await ask(http, fake)

    assert status == 429
    assert headers["Retry-After"] == "60"
    assert body == (
        b'{"type":"throttled_error","code":"throttled",'
        b'"detail":"Request was throttled. Expected available in 60 seconds.","attr":null}'
    )


async def test_a_window_slides_and_refusals_do_not_count(http: ClientSession) -> None:
    # docs/server.md, Throttles
    async with FakePostHog(5, throttles={"persons": ((2, 0.3),)}) as fake:
        first = await statuses(http, fake, *[PERSONS] * 6)
        await asyncio.sleep(0.31)
        second = await statuses(http, fake, *[PERSONS] * 3)

    assert first == [200, 200, 429, 429, 429, 429]
    assert second == [200, 200, 429]


async def test_each_class_and_each_key_counts_on_its_own(http: ClientSession) -> None:
    # docs/server.md, Throttles
    async with FakePostHog(5, throttles=ONE_A_MINUTE) as fake:
        other = fake.add_key()
        found = await statuses(http, fake, PERSONS, FOLDERS, FOLDERS, f"{PERSONS}1/")
        others = [(await ask(http, fake, key=key))[0] for key in (other, fake.key)]

    assert found == [200, 200, 200, 429]
    assert others == [200, 429]


async def test_several_windows_hold_at_once(http: ClientSession) -> None:
    # docs/server.md, Throttles
    throttles = {"persons": ((5, 0.05), (6, 3600.0))}
    async with FakePostHog(5, throttles=throttles) as fake:
        found: list[int] = []
        for _ in range(4):
            found += await statuses(http, fake, PERSONS, PERSONS)
            await asyncio.sleep(0.06)
        _, _, headers = await ask(http, fake)

    assert found == [200] * 6 + [429] * 2
    assert 3590 < int(headers["Retry-After"]) <= 3600


async def test_oauth_tokens_have_limits_by_user_and_none_elsewhere(http: ClientSession) -> None:
    # docs/server.md, Throttles
    throttles = {"persons_web": ((1, 60.0),), "default": ((1, 60.0),)}
    async with FakePostHog(5, throttles=throttles) as fake:
        one, two = fake.add_key("pha_one"), fake.add_key("pha_two")
        persons = [(await ask(http, fake, key=key))[0] for key in (one, two)]
        folders = [(await ask(http, fake, FOLDERS, key=one))[0] for _ in range(3)]

    assert persons == [200, 429]
    assert folders == [200, 200, 200]


async def test_max_counts_by_user(http: ClientSession) -> None:
    # docs/server.md, Max tools
    async with FakePostHog(5, throttles={"max_tools": ((1, 86_400.0),)}) as fake:
        keys = [fake.key, fake.add_key(), fake.add_key(user=8)]
        found = [(await ask(http, fake, MAX, key=key, method="POST"))[0] for key in keys]

    assert found == [400, 429, 400]


@pytest.mark.parametrize(("kind", "expected"), [("none", None), ("date", r"\w+, .* GMT")])
async def test_retry_after_can_be_missing_or_a_date(
    kind: Any, expected: str | None, http: ClientSession
) -> None:
    # docs/server.md, Throttles
    async with FakePostHog(5, throttles=ONE_A_MINUTE, retry_after=kind) as fake:
        await ask(http, fake)
        status, body, headers = await ask(http, fake)

    found = headers.get("Retry-After")
    assert status == 429
    assert b"available in 60 seconds" in body
    assert found is None if expected is None else re.fullmatch(expected, found)


async def test_one_second_is_no_plural(http: ClientSession) -> None:
    # docs/server.md, Throttles
    async with FakePostHog(5, throttles={"persons": ((0, 1.0),)}) as fake:
        _, body, _ = await ask(http, fake)

    assert b"available in 1 second." in body


async def test_the_table_of_the_cloud_lets_240_persons_calls_through(http: ClientSession) -> None:
    # docs/server.md, Throttles
    async with FakePostHog(5, throttles=CLOUD_THROTTLES) as fake:
        found = await statuses(http, fake, *[PERSONS] * 241)

    assert found == [200] * 240 + [429]


# latency and drift


async def test_latency_delays_every_answer_and_requests_overlap(http: ClientSession) -> None:
    async with FakePostHog(5, latency=0.2) as fake:
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*[ask(http, fake) for _ in range(4)])
        took = asyncio.get_running_loop().time() - started

        assert 0.19 <= took < 0.7
        assert (fake.peak_in_flight, fake.in_flight) == (4, 0)


async def test_latency_may_vary(http: ClientSession) -> None:
    async with FakePostHog(5, latency=(0.0, 0.05)) as fake:
        finished: list[int] = []

        async def one(number: int) -> None:
            await ask(http, fake)
            finished.append(number)

        await asyncio.gather(*[one(number) for number in range(8)])

    assert sorted(finished) == [*range(8)] != finished


async def test_drift_changes_the_set_before_each_list(http: ClientSession) -> None:
    drift = Drift(inserts=(2, 2), deletes=(1, 1), seed=3)
    async with FakePostHog(100, drift=drift) as fake:
        before = fake.uuids()
        await ask(http, fake)
        await ask(http, fake, f"{PERSONS}{fake.uuids()[0]}/")
        await ask(http, fake, FOLDERS)
        after = fake.uuids()

        assert len(after) == 101
        assert fake.existed_throughout() == [uuid for uuid in before if uuid in {*after}]


async def test_drift_is_the_same_every_time(http: ClientSession) -> None:
    ends = []
    for _ in range(2):
        async with FakePostHog(100, drift=Drift(anywhere=True, seed=5)) as fake:
            await statuses(http, fake, *[PERSONS] * 10)
            ends.append(fake.uuids())

    assert ends[0] == ends[1]


async def test_drift_may_rest_between_requests(http: ClientSession) -> None:
    async with FakePostHog(10, drift=Drift(inserts=(1, 1), deletes=(0, 0), every=3)) as fake:
        await statuses(http, fake, *[PERSONS] * 7)

        assert len(fake.uuids()) == 12


async def test_drift_can_follow_a_script(http: ClientSession) -> None:
    def script(fake: FakePostHog, request: int) -> None:
        if request == 2:
            fake.delete([0, 1])

    async with FakePostHog(10, drift=Drift(script=script)) as fake:
        before = fake.uuids()
        await statuses(http, fake, PERSONS, PERSONS, PERSONS)

        assert fake.uuids() == before[2:]


async def test_drift_never_runs_out_of_persons(http: ClientSession) -> None:
    async with FakePostHog(3, drift=Drift(inserts=(0, 0), deletes=(2, 2))) as fake:
        assert await statuses(http, fake, *[PERSONS] * 4) == [200] * 4
        assert fake.uuids() == []
