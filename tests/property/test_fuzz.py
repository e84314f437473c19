"""Any answer into every public method: a result of the right type, or an error of ours.

Nothing hangs, and nothing grows: no task, no socket, no memory.
"""

import asyncio
import gc
import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fault_server import PERSON, FaultServer, cut, http, play
from posthog_env_async import (
    APIKeyInfo,
    Backoff,
    Cohort,
    DeletionSummary,
    HomeFolder,
    InsightAnswer,
    PersistedFolder,
    Person,
    PostHogEnv,
    PostHogError,
    PostHogWarning,
)

MANY = bool(os.environ.get("POSTHOG_ENV_CHECK"))
CASES = 20_000 if MANY else 500
FOLDER_ID = "0190f000-0000-7000-8000-00000000000f"
LONGEST = 2.0
KEPT = 150
ANY = object

Ask = Callable[[PostHogEnv], Coroutine[Any, Any, Any]]


async def csv(env: PostHogEnv) -> bytes:
    return b"".join([piece async for piece in env.persons.csv()])


async def look_up(env: PostHogEnv, by: Any, value: str) -> tuple[Any, Person | None]:
    pairs = [pair async for pair in env.persons.lookup([value], by=by)]
    return pairs[0]


async def activity(env: PostHogEnv) -> list[Any]:
    return [entry async for entry in env.persons.activity(max_items=5)]


ASKS: dict[str, tuple[Ask, type[Any]]] = {
    "persons.get": (lambda env: env.persons.get(1), Person),
    "persons.list": (lambda env: env.persons.list(max_items=5).collect(), list),
    "persons.list ahead": (lambda env: env.persons.list(max_items=5, prefetch=2).collect(), list),
    "persons.page": (lambda env: env.persons.list().page(), object),
    "persons.count": (lambda env: env.persons.list().count(), int),
    "persons.csv": (csv, bytes),
    "persons.get_csv": (lambda env: env.persons.get_csv(1), bytes),
    "persons.get_many": (lambda env: env.persons.get_many(distinct_ids=["d"]), dict),
    "persons.lookup": (lambda env: look_up(env, "uuid", PERSON["uuid"]), tuple),
    "persons.lookup by e-mail": (lambda env: look_up(env, "email", "n@example.com"), tuple),
    "persons.update": (lambda env: env.persons.update(1, {"a": 1}, wait=0), bool),
    "persons.split": (lambda env: env.persons.split(1, main_distinct_id="d", wait=0), bool),
    "persons.delete": (lambda env: env.persons.delete(1), type(None)),
    "persons.delete_many": (
        lambda env: env.persons.delete_many(uuids=[FOLDER_ID]),
        DeletionSummary,
    ),
    "persons.deletions": (lambda env: env.persons.deletions(max_items=5).collect(), list),
    "persons.values": (lambda env: env.persons.property_values("email"), tuple),
    "persons.activity": (activity, list),
    "persons.cohorts": (lambda env: env.persons.cohorts(1), tuple),
    "persons.at": (lambda env: env.persons.at("2026-01-01", id=1), Person),
    "cohorts.get": (lambda env: env.cohorts.get(1), Cohort),
    "cohorts.persons": (lambda env: env.cohorts.persons(1, max_items=5).collect(), list),
    "folders.home": (lambda env: env.persisted_folders.home(), HomeFolder),
    "logs.count": (lambda env: env.logs.count(), int),
    "logs.sparkline": (lambda env: env.logs.sparkline(), tuple),
    "logs.services": (lambda env: env.logs.services(), tuple),
    "logs.attributes": (lambda env: env.logs.attributes(), tuple),
    "logs.values": (lambda env: env.logs.attribute_values("a"), tuple),
    "logs.has_logs": (lambda env: env.logs.has_logs(), bool),
    "folders.list": (lambda env: env.persisted_folders.list(max_items=5).collect(), list),
    "folders.get": (lambda env: env.persisted_folders.get(FOLDER_ID), PersistedFolder),
    "folders.create": (lambda env: env.persisted_folders.create("home"), PersistedFolder),
    "folders.update": (
        lambda env: env.persisted_folders.update(FOLDER_ID, path="x"),
        PersistedFolder,
    ),
    "folders.replace": (
        lambda env: env.persisted_folders.replace(FOLDER_ID, type="home"),
        PersistedFolder,
    ),
    "folders.delete": (lambda env: env.persisted_folders.delete(FOLDER_ID), type(None)),
    "logs.query": (lambda env: env.logs.query(max_items=5).collect(), list),
    "max as JSON": (
        lambda env: env.max_tools.create_and_query_insight("q", "trends", timeout=1.0),
        InsightAnswer,
    ),
    "max as text": (
        lambda env: env.max_tools.create_and_query_insight(
            "q", "trends", format="txt", timeout=1.0
        ),
        InsightAnswer,
    ),
    "projects": (lambda env: env.projects.list(max_items=5).collect(), list),
    "key": (lambda env: env.for_project(1).key(), APIKeyInfo),
    "request": (lambda env: env.request("GET", "cohorts"), ANY),
    "listing": (lambda env: env.listing("cohorts", max_items=5).collect(), list),
}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(2**70)
)
NAMES = [*PERSON, "results", "next", "count", "nextCursor", "hasMore", "detail", "code", "type"]
NAMES += ["attr", "extra", "error", "scopes", "label", "path", "protocol", "message", "timestamp"]
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
people = st.dictionaries(st.sampled_from(list(PERSON)), values, max_size=3).map(
    lambda odd: {**PERSON, **odd}
)
nexts = st.one_of(
    values, st.sampled_from(["http://x/?offset=5", "/?offset=-1&limit=9", "http://[", "?offset=x"])
)
pages = st.fixed_dictionaries(
    {"results": st.lists(people, max_size=3) | values, "next": nexts},
    optional={"count": values, "nextCursor": values, "hasMore": values},
)
documents = st.one_of(pages, people, st.lists(people, max_size=2), values).map(
    lambda value: json.dumps(value).encode()
)
bodies = st.one_of(documents, st.binary(max_size=60), documents.map(lambda text: text[:-2]))
header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
NAMED = ["Retry-After", "Location", "Content-Encoding", "Transfer-Encoding", "Content-Length"]
NAMED += ["Content-Type", "Sunset", "Deprecation", "X-Request-Id", "Connection", "Upgrade"]
known = st.sampled_from(NAMED)
USEFUL = ["gzip", "chunked", "0", "-1", "1e400", "99999999999999999999", "text/html", "text/csv"]
USEFUL += ["close", "keep-alive", "//x", "http://[::1", "Fri, 31 Jul 2026 00:00:00 GMT"]
useful = st.sampled_from(USEFUL)
headers = st.lists(st.tuples(known, useful | header_text), max_size=3)
statuses = st.one_of(
    st.sampled_from([200, 201, 204, 301, 302, 308, 400, 401, 402, 403, 404, 409, 429, 500, 503]),
    st.integers(100, 999),
)


@attrs.frozen
class Case:
    """What the server answers, and whether it closes behind it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    kind: str | None
    packed: bool
    closes: bool

    @property
    def raw(self) -> bytes:
        how = {"kind": self.kind, "packed": self.packed, "headers": self.headers}
        return http(self.body, self.status, **how)


cases = st.builds(
    Case,
    status=statuses,
    headers=headers,
    body=bodies,
    kind=st.sampled_from(["application/json"] * 5 + ["text/csv", "text/html", None]),
    packed=st.booleans(),
    closes=st.integers(0, 4).map(lambda number: number > 0),
)


@attrs.define
class Bench:
    """One loop, one server and one client for all cases, so that growth shows."""

    runner: asyncio.Runner
    server: FaultServer
    env: PostHogEnv
    asked: int = 0
    kept: list[tuple[str, Case]] = attrs.field(factory=list)

    def ask(self, name: str, case: Case) -> None:
        seconds = self.runner.run(self._ask(name, case))
        if seconds > LONGEST:  # a machine that was busy is not slow again
            seconds = self.runner.run(self._ask(name, case))
        assert seconds < LONGEST
        self.asked += 1
        if len(self.kept) < KEPT:
            self.kept.append((name, case))

    def again(self) -> None:
        """Ask the first cases once more."""
        for name, case in self.kept:
            self.runner.run(self._ask(name, case))

    async def _ask(self, name: str, case: Case) -> float:
        ask, kind = ASKS[name]
        self.server.then = (cut if case.closes else play)(case.raw)
        self.server.requests.clear()
        self.server.connections.clear()
        began = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PostHogWarning)
            try:
                result = await ask(self.env)
            except PostHogError:
                result = None
            else:
                assert isinstance(result, kind)
        seconds = time.monotonic() - began
        assert self.env.throttled_until is None or self.env.throttled_until.tzinfo
        self.env._session.limiter._queues.clear()  # noqa: SLF001 - or a 429 holds what follows
        return seconds


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    logging.getLogger("posthog_env_async").setLevel(logging.ERROR)  # pytest keeps every record
    runner = asyncio.Runner()
    server = FaultServer([])
    runner.run(server.__aenter__())
    policy = Backoff(max_attempts=2, base=0.0, max_wait=0.0)
    env = PostHogEnv(
        1, api_key="phx_fuzz", host=server.url, backoff=policy, limits=None, timeout=0.25
    )
    runner.run(env.__aenter__())
    yield Bench(runner, server, env)
    runner.run(env.aclose())
    runner.run(server.__aexit__(None, None, None))
    runner.close()
    logging.getLogger("posthog_env_async").setLevel(logging.NOTSET)


def held() -> dict[str, int]:
    gc.collect()
    memory = Path("/proc/self/statm").read_text().split()[1]
    return {
        "sockets": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "megabytes": int(memory) * os.sysconf("SC_PAGE_SIZE") >> 20,
    }


def row(body: Any, status: int = 200, **how: Any) -> Case:
    settings = {"headers": [], "kind": "application/json", "packed": False, "closes": True} | how
    return Case(status=status, body=json.dumps(body).encode(), **settings)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="growth is read from /proc")
def test_any_answer_is_a_result_of_the_right_type_or_an_error_of_ours(bench: Bench) -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]

    @settings(
        max_examples=CASES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(name=st.sampled_from(sorted(ASKS)), case=cases)
    @example("request", row({"detail": deep}, 400))
    @example("request", row({"extra": {"a": deep}}, 400))
    @example("request", row({}, 302, headers=[("Location", "http://[::1")]))
    @example("request", row({}, 429, headers=[("Retry-After", "9" * 30)]))
    @example("persons.list", row({"results": [deep], "next": "http://["}))
    def every(name: str, case: Case) -> None:
        bench.ask(name, case)

    for name in ASKS:
        bench.ask(name, row({"results": [dict(PERSON)]}))
    before = held()
    every()
    bench.runner.run(asyncio.sleep(0.1))
    after = held()
    tasks = bench.runner.run(count_tasks())

    assert bench.asked >= CASES
    assert tasks <= 40
    assert after["sockets"] <= before["sockets"] + 80
    assert after["threads"] == before["threads"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="growth is read from /proc")
def test_the_same_answers_over_and_over_cost_no_memory(bench: Bench) -> None:
    """Apart from the test above, whose memory is that of Hypothesis: it keeps what it tried."""
    rounds = 20 if MANY else 3
    for name in ASKS:
        bench.ask(name, row({"results": [dict(PERSON)]}))
    bench.again()
    before = held()

    for _ in range(rounds):
        bench.again()

    assert held()["megabytes"] <= before["megabytes"] + 8


async def count_tasks() -> int:
    return len(asyncio.all_tasks())
