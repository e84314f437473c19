"""One call from scope to answer: header, retries, waits, limits, prefixes (SERVER.md 0, 5-7)."""

import gzip
import logging
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import aiohttp
import anyio
import pytest

from posthog_env_async import (
    APIConnectionError,
    APIDeprecationWarning,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    Backoff,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    EndpointNotAvailableError,
    Limit,
    Limits,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    PostHogEnv,
    PostHogError,
    QueryTooExpensiveError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from posthog_env_async.testing import FakePostHog, Fault

EAGER = Backoff(base=0.0)
NOBODY = str(uuid4())


@pytest.fixture
async def fake() -> AsyncIterator[FakePostHog]:
    async with FakePostHog(persons=30, mode="routes") as server:
        yield server


def client(fake: FakePostHog, **settings: Any) -> PostHogEnv:
    given = {"api_key": fake.key, "host": fake.url, "backoff": EAGER, **settings}
    return PostHogEnv(1, **given)


async def read(env: PostHogEnv) -> Any:
    return await env.request("GET", "persons/", params={"limit": 1})


async def read_twice(env: PostHogEnv) -> None:
    await read(env)
    await read(env.for_project(1))


async def query_logs(env: PostHogEnv) -> Any:
    return await env.logs.query(max_items=1).collect()


async def create_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.create("home")


async def replace_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.replace(NOBODY, type="home")


async def patch_folder(env: PostHogEnv) -> Any:
    return await env.persisted_folders.update(NOBODY, path="a")


async def post(env: PostHogEnv) -> Any:
    return await env.request("POST", "persons/", json={"a": 1})


async def ask(env: PostHogEnv) -> Any:
    return await env.max_tools.create_and_query_insight("users", "trends")


async def ask_patiently(env: PostHogEnv) -> Any:
    return await env.max_tools.create_and_query_insight("users", "trends", retry_throttled=True)


Step = Callable[[PostHogEnv], Awaitable[Any]]
SAFE = [read, query_logs, create_folder, replace_folder]


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


# again, or not


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


async def test_a_question_to_max_waits_out_a_429_only_when_asked_to(
    env: PostHogEnv, fake: FakePostHog
) -> None:
    fake.faults += [Fault(429, headers={"Retry-After": "0"}), Fault(503, after=1)]

    await ask_patiently(env)
    with pytest.raises(ServerError):
        await ask_patiently(env)

    assert [request.status for request in fake.requests] == [429, 200, 503]


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


async def test_no_answer_in_time_is_a_timeout(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall", times=2))
    async with client(fake, timeout=0.05, backoff=Backoff(base=0.0, max_attempts=2)) as env:
        with pytest.raises(APITimeoutError, match="raise timeout") as caught:
            await read(env)

    assert caught.value.attempts == 2


async def test_a_body_that_stalls_is_a_timeout_and_is_asked_for_again(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall_body"))
    async with client(fake, timeout=0.2) as env:
        page = await read(env)

    assert len(page["results"]) == 1


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


# how long


@pytest.mark.parametrize("form", ["seconds", "date", "detail"])
async def test_the_wait_is_taken_in_every_form(fake: FakePostHog, form: str) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    detail = {"detail": "Request was throttled. Expected available in 300 seconds."}
    faults = {
        "seconds": Fault(429, headers={"Retry-After": "300"}),
        "date": Fault(429, headers={"Retry-After": soon}),
        "detail": Fault(429, body={"code": "throttled", **detail}),
    }
    fake.faults.append(faults[form])
    async with client(fake) as env:
        with pytest.raises(RateLimitError) as caught:
            await read(env)

    assert caught.value.retry_after == pytest.approx(300.0, abs=3)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("settings", [{"max_wait": 0.5}, {"deadline": 0.5}])
async def test_a_wait_that_is_too_long_raises_at_once(
    fake: FakePostHog, settings: dict[str, float]
) -> None:
    fake.faults.append(Fault(503, headers={"Retry-After": "1"}))
    began = time.monotonic()
    async with client(fake, backoff=Backoff(**settings)) as env:  # type: ignore[arg-type]
        with pytest.raises(ServerError) as caught:
            await read(env)

    assert caught.value.retry_after == 1.0
    assert time.monotonic() - began < 0.5


async def test_a_429_is_waited_out_and_seen_meanwhile(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, headers={"Retry-After": "0.3"}))
    began = time.monotonic()
    async with client(fake) as env, anyio.create_task_group() as group:
        assert env.throttled_until is None
        group.start_soon(read, env)
        await until(lambda: env.throttled_until is not None)
        seen = env.throttled_until

    assert time.monotonic() - began >= 0.3
    assert seen is not None
    assert timedelta(0) < seen - datetime.now(UTC) + timedelta(seconds=0.3) < timedelta(seconds=1)


async def test_a_429_holds_every_task_and_every_sibling(fake: FakePostHog) -> None:
    fake.add_project(2, persons=3)
    fake.faults.append(Fault(429, headers={"Retry-After": "0.3"}))
    async with client(fake) as env, anyio.create_task_group() as group:
        group.start_soon(read, env)
        await until(lambda: env.throttled_until is not None)
        for _ in range(3):
            group.start_soon(read, env.for_project(2))

    assert [request.status for request in fake.requests] == [429, 200, 200, 200, 200]
    assert min(r.at for r in fake.requests[1:]) - fake.requests[0].at >= 0.3


async def test_a_429_without_a_wait_is_held_for_a_backoff(fake: FakePostHog) -> None:
    fake.faults.append(Fault(429, body={"detail": "slow down"}))
    async with client(fake) as env:
        await read(env)

    assert [request.status for request in fake.requests] == [429, 200]


async def test_the_clients_own_limit_keeps_below_the_servers() -> None:
    limits = [Limit(5, 0.2)]
    async with (
        FakePostHog(persons=100, mode="routes", throttles={"persons": ((5, 0.2),)}) as slow,
        client(slow, limits=limits) as env,
    ):
        persons = await env.persons.list(page_size=10, prefetch=8).collect()

    assert len(persons) == 100
    assert {request.status for request in slow.requests} == {200}


async def test_a_place_too_far_away_is_an_error_and_nothing_is_sent(fake: FakePostHog) -> None:
    limits = Limits(default=[Limit(1, 3600.0)])
    async with client(fake, limits=limits) as env:
        await read(env)
        with pytest.raises(RateLimitError, match="nothing was sent") as caught:
            await read(env)

    assert caught.value.attempts == 0
    assert len(fake.requests) == 1


async def test_a_deadline_bounds_the_wait_for_a_place(fake: FakePostHog) -> None:
    backoff = Backoff(deadline=10.0)
    async with client(fake, limits=[Limit(1, 60.0)], backoff=backoff) as env:
        await read(env)
        with pytest.raises(RateLimitError):
            await read(env)


async def test_at_most_max_connections_requests_are_under_way() -> None:
    async with (
        FakePostHog(persons=3, mode="routes", latency=0.01) as fake,
        client(fake, max_connections=2) as env,
        anyio.create_task_group() as group,
    ):
        for _ in range(10):
            group.start_soon(read, env)

    assert fake.peak_in_flight == 2


# where


@pytest.mark.parametrize("prefix", ["environments", "projects"])
@pytest.mark.parametrize("mode", ["routes", "rewrite", "redirect"])
@pytest.mark.filterwarnings("ignore:the server deprecates")
async def test_both_prefixes_work_in_every_mode(prefix: str, mode: Any) -> None:
    async with FakePostHog(persons=25, mode=mode) as fake:
        async with client(fake, prefix=prefix) as env:
            persons = await env.persons.list(page_size=10, prefetch=2).collect()
            folder = await env.persisted_folders.create("home", path="a")

        assert [person.uuid for person in persons] == fake.uuids()
        assert folder.path == "a"
        assert fake.unknown == []


async def test_a_server_with_projects_only_is_found_once_and_remembered() -> None:
    async with FakePostHog(persons=25, mode="projects_only") as fake, client(fake) as env:
        await env.persons.list(page_size=10).collect()
        await env.persisted_folders.create("home")

        assert env.prefix == "projects"

    assert [request.status for request in fake.requests][:2] == [404, 200]
    assert [request.path.split("/")[2] for request in fake.requests].count("environments") == 1


async def test_an_endpoint_under_neither_prefix_is_not_available() -> None:
    async with (
        FakePostHog(persons=0, mode="rewrite", folders=False) as lacking,
        client(lacking) as env,
    ):
        with pytest.raises(EndpointNotAvailableError, match="mid-2026"):
            await create_folder(env)

        assert env.prefix == "environments"


async def test_an_endpoint_that_is_missing_does_not_decide_the_prefix() -> None:
    async with (
        FakePostHog(persons=3, mode="environments_only", folders=False) as fake,
        client(fake) as env,
    ):
        with pytest.raises(EndpointNotAvailableError):
            await create_folder(env)

        assert await env.persons.list().first() is not None


async def test_a_redirect_keeps_method_body_and_key_and_is_remembered() -> None:
    async with FakePostHog(persons=3, mode="redirect") as fake, client(fake) as env:
        await env.persisted_folders.create("home", path="a")
        await env.persisted_folders.create("home", path="b")

    assert [request.status for request in fake.requests] == [307, 201, 201]
    assert fake.requests[1].json()["path"] == "a"
    assert fake.requests[1].headers["Authorization"] == f"Bearer {fake.key}"
    assert fake.requests[1].method == "POST"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_origin_is_not_followed(
    env: PostHogEnv, fake: FakePostHog, status: int
) -> None:
    async with FakePostHog(persons=1) as other:
        location = f"{other.url}/api/projects/1/persons/"
        fake.faults.append(Fault(status, headers={"Location": location}, action="empty"))

        with pytest.raises(APIStatusError, match="the key is not sent") as caught:
            await read(env)

        assert caught.value.code == "redirect"
        assert other.requests == []


async def test_a_read_may_be_moved_by_a_301(env: PostHogEnv, fake: FakePostHog) -> None:
    location = {"Location": "/api/projects/1/persons/?limit=1"}
    fake.faults.append(Fault(301, headers=location, action="empty"))

    page = await read(env)

    assert len(page["results"]) == 1
    assert env.prefix == "projects"


async def test_a_write_is_not_moved_by_a_301(env: PostHogEnv, fake: FakePostHog) -> None:
    location = {"Location": "/api/projects/1/persisted_folder/"}
    fake.faults.append(Fault(301, headers=location, action="empty"))

    with pytest.raises(APIStatusError) as caught:
        await create_folder(env)

    assert caught.value.status == 301
    assert len(fake.requests) == 1


async def test_redirects_that_never_end_are_left(env: PostHogEnv, fake: FakePostHog) -> None:
    location = {"Location": "/api/environments/1/persons/"}
    fake.faults.append(Fault(307, headers=location, action="empty", times=99))

    with pytest.raises(APIStatusError, match="307"):
        await read(env)

    assert len(fake.requests) == 4


async def test_a_server_below_a_sub_path_is_reached() -> None:
    async with (
        FakePostHog(persons=25, mode="redirect", sub_path="/sub") as fake,
        client(fake) as env,
    ):
        persons = await env.persons.list(page_size=10).collect()

    assert len(persons) == 25


async def test_the_end_of_the_prefix_is_announced_once_a_client() -> None:
    async with FakePostHog(persons=3, mode="rewrite") as fake, client(fake) as env:
        with pytest.warns(APIDeprecationWarning, match="31 Jul 2026") as caught:
            await read_twice(env)

    assert len(caught) == 1


async def test_the_end_may_come_without_a_date() -> None:
    async with FakePostHog(persons=3, mode="rewrite", sunset=None) as fake, client(fake) as env:
        with pytest.warns(APIDeprecationWarning, match="a date it does not say"):
            await read(env)


async def test_the_canonical_prefix_warns_of_nothing() -> None:
    async with (
        FakePostHog(persons=3, mode="rewrite") as fake,
        client(fake, prefix="projects") as env,
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await read(env)


# the client's life


async def test_a_client_that_is_not_open_says_how_to_open_it(fake: FakePostHog) -> None:
    with pytest.raises(ConfigurationError, match="async with PostHogEnv"):
        await read(client(fake))


async def test_a_client_is_opened_once(fake: FakePostHog) -> None:
    async with client(fake) as env:
        with pytest.raises(ConfigurationError, match="opened before"):
            await env.__aenter__()


async def test_a_closed_client_says_so(fake: FakePostHog) -> None:
    env = client(fake)
    async with env:
        pass

    with pytest.raises(ConfigurationError, match="closed"):
        await read(env)


async def test_closing_breaks_off_what_is_under_way(fake: FakePostHog) -> None:
    fake.faults.append(Fault(action="stall"))
    env = client(fake)
    caught = list[APIConnectionError]()

    async def wait_for_it() -> None:
        try:
            await read(env)
        except APIConnectionError as error:
            caught.append(error)

    with anyio.fail_after(5):
        async with env, anyio.create_task_group() as group:
            group.start_soon(wait_for_it)
            await until(lambda: fake.in_flight == 1)
            await env.aclose()

    assert "closed while" in str(caught[0])
    assert not caught[0].may_pass


async def test_closing_a_sibling_closes_nothing(env: PostHogEnv) -> None:
    async with env.for_project(1) as sibling:
        await read(sibling)

    await read(env)


async def test_a_client_of_another_loop_or_thread_is_refused(env: PostHogEnv) -> None:
    def elsewhere() -> None:
        anyio.run(read, env)

    with pytest.raises(ConfigurationError, match="another event loop or thread"):
        await anyio.to_thread.run_sync(elsewhere)


async def test_the_callers_own_session_is_used_and_not_closed(fake: FakePostHog) -> None:
    async with aiohttp.ClientSession() as mine:
        async with client(fake, session=mine) as env:
            await read(env)

        assert not mine.closed


async def test_siblings_share_requests_key_and_limits(fake: FakePostHog) -> None:
    fake.add_project(2, persons=3)
    async with client(fake, limits=[Limit(2, 3600.0)]) as env:
        other = env.for_project(2)
        await read(env)
        await read(other)
        with pytest.raises(RateLimitError):
            await read(env)

    assert (env.requests, other.requests, other.project_id) == (2, 2, "2")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prefix": "teams"}, "prefix"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_connections": 0}, "max_connections"),
        ({"max_response_bytes": 0}, "max_response_bytes"),
        ({"ssl": False}, "ssl"),
        ({"api_key": "phc_public"}, "personal API key"),
        ({"host": "us.i.posthog.com"}, "takes events in"),
        ({"project_id": "1/2"}, "project_id"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"project_id": 1, "api_key": "phx_a", "host": "us", **settings}

    with pytest.raises(ConfigurationError, match=said):
        PostHogEnv(**given)


def test_a_clients_repr_shows_no_key() -> None:
    assert repr(PostHogEnv(7, api_key="phx_a")) == "PostHogEnv(7, host='https://us.posthog.com')"


def test_the_clouds_limits_are_on_by_default_at_the_cloud_only() -> None:
    cloud = PostHogEnv(1, api_key="phx_a", host="eu")
    own = PostHogEnv(1, api_key="phx_a", host="https://posthog.example.com")

    assert cloud.limiter.is_limited("persons")
    assert not own.limiter.is_limited("persons")
    assert own.host == "https://posthog.example.com"


async def test_key_host_and_project_come_from_the_environment(
    fake: FakePostHog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", fake.key)
    monkeypatch.setenv("POSTHOG_HOST", fake.url)
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "1")

    async with PostHogEnv() as env:
        page = await read(env)

    assert (env.host, env.project_id) == (fake.url, "1")
    assert len(page["results"]) == 1


def test_no_key_at_all_says_where_it_comes_from() -> None:
    with pytest.raises(ConfigurationError, match="POSTHOG_PERSONAL_API_KEY"):
        PostHogEnv(1)


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


# bodies


@pytest.mark.parametrize("odd", ["two members", "damaged", "cut", "huge", "unasked"])
async def test_a_compressed_body_is_whole_or_an_error(fake: FakePostHog, odd: str) -> None:
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


async def test_a_large_compressed_body_is_read_whole(fake: FakePostHog) -> None:
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


async def until(fact: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not fact():
            await anyio.sleep(0.001)
