"""A canary: the server says key and e-mail back everywhere, and nothing of ours repeats them."""

import json
import logging
import pickle
import tempfile
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fault_server import PERSON, Connection, FaultServer, Play, cut, http
from posthog_env_async import Backoff, ConfigurationError, PostHogEnv, PostHogError, PropertyFilter
from posthog_env_async.erasure import erase
from posthog_env_async.export import export
from posthog_env_async.pagination import ListingReport
from posthog_env_async.testing import FakePostHog, Fault

KEY = "phx_canaryKEY0123456789"
EMAIL = "canary.person@corp.example"  # in what the server says
ASKED = "asked.person@corp.example"  # in what the caller asks
FOLDER_ID = "0190f000-0000-7000-8000-00000000000f"
ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in EMAIL)
ESCAPED_KEY = "".join(f"\\u{ord(letter):04x}" for letter in KEY)

ONCE = Backoff(max_attempts=1, base=0.0)

Ask = Callable[[PostHogEnv], Coroutine[Any, Any, Any]]


async def read_csv(env: PostHogEnv) -> None:
    async for _ in env.persons.csv(email=ASKED):
        pass


async def look_up(env: PostHogEnv, by: Any) -> None:
    async for _ in env.persons.lookup([ASKED], by=by):
        pass


async def read_activity(env: PostHogEnv) -> None:
    async for _ in env.persons.activity():
        pass


async def erase_in_a_folder(env: PostHogEnv) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await erase(env, [ASKED], ledger=Path(folder) / "ledger", dry_run=False, backoff=ONCE)


ASKS: dict[str, Ask] = {
    "persons.get": lambda env: env.persons.get(1),
    "persons.list": lambda env: env.persons.list(search=ASKED, prefetch=2).collect(),
    "persons.list by property": lambda env: env.persons.list(
        properties=[PropertyFilter("email", ASKED)]
    ).collect(),
    "persons.count": lambda env: env.persons.list(email=ASKED).count(),
    "persons.csv": read_csv,
    "persons.get_csv": lambda env: env.persons.get_csv(1),
    "persons.get_many": lambda env: env.persons.get_many(distinct_ids=[ASKED]),
    "persons.lookup": lambda env: look_up(env, "distinct_id"),
    "persons.lookup by e-mail": lambda env: look_up(env, "email"),
    "persons.update": lambda env: env.persons.update(1, {"email": ASKED}, wait=0),
    "persons.set_property": lambda env: env.persons.set_property(1, "email", ASKED),
    "persons.unset_property": lambda env: env.persons.unset_property(1, ASKED),
    "persons.split": lambda env: env.persons.split(1, distinct_ids=[ASKED]),
    "persons.delete": lambda env: env.persons.delete(1, events=True),
    "persons.delete_many": lambda env: env.persons.delete_many(distinct_ids=[ASKED]),
    "persons.deletions": lambda env: env.persons.deletions().collect(),
    "persons.values": lambda env: env.persons.property_values("email", search=ASKED),
    "persons.activity": read_activity,
    "persons.cohorts": lambda env: env.persons.cohorts(1),
    "persons.at": lambda env: env.persons.at("2026-01-01", distinct_id=ASKED),
    "cohorts.list": lambda env: env.cohorts.list().collect(),
    "cohorts.get": lambda env: env.cohorts.get(1),
    "cohorts.persons": lambda env: env.cohorts.persons(1).collect(),
    "erase": erase_in_a_folder,
    "folders.home": lambda env: env.persisted_folders.home(),
    "logs.count": lambda env: env.logs.count(search_term=ASKED),
    "logs.sparkline": lambda env: env.logs.sparkline(search_term=ASKED),
    "logs.attributes": lambda env: env.logs.attributes(search=ASKED),
    "logs.values": lambda env: env.logs.attribute_values("email", search=ASKED),
    "folders.list": lambda env: env.persisted_folders.list().collect(),
    "folders.get": lambda env: env.persisted_folders.get(FOLDER_ID),
    "folders.create": lambda env: env.persisted_folders.create("home", path=ASKED),
    "folders.update": lambda env: env.persisted_folders.update(FOLDER_ID, path=ASKED),
    "folders.replace": lambda env: env.persisted_folders.replace(
        FOLDER_ID, type="home", path=ASKED
    ),
    "folders.delete": lambda env: env.persisted_folders.delete(FOLDER_ID),
    "logs.query": lambda env: env.logs.query(search_term=ASKED).collect(),
    "max": lambda env: env.max_tools.create_and_query_insight(f"who is {ASKED}", "sql"),
    "projects": lambda env: env.projects.list().collect(),
    "key": lambda env: env.key(),
    "request": lambda env: env.request("POST", "cohorts", params={"q": ASKED}, json={"e": ASKED}),
    "listing": lambda env: env.listing("cohorts", search=ASKED).collect(),
}
SAID = (f"Bearer {KEY} {EMAIL}", f"Bearer {ESCAPED_KEY} {ESCAPED}")
HEADERS = [
    ("X-Request-Id", f"{KEY} {EMAIL}"),
    ("Retry-After", f"{KEY} {EMAIL}"),
    ("Sunset", f"{KEY} {EMAIL}"),
    ("Deprecation", f"{KEY} {EMAIL}"),
    ("Location", f"https://{KEY}.example/{EMAIL}?{KEY}"),
]


def bodies(said: str) -> Iterator[tuple[str, bytes]]:
    fields = dict.fromkeys(("type", "code", "detail", "attr", "error"), "SAID")
    shapes: dict[str, Any] = {
        "hog": {**fields, "extra": {"SAID": ["SAID"]}, "more": "SAID", "error_event_id": "SAID"},
        "list": ["SAID"],
        "row": {**PERSON, "id": "SAID", "uuid": "SAID", "created_at": "SAID", "type": 5},
        "page": {"results": [{**PERSON, "uuid": "SAID"}, "SAID"], "next": "SAID"},
        "wrong page": {"results": "SAID", "next": {"a": "SAID"}, "count": "SAID"},
    }
    for name, shape in shapes.items():
        yield name, json.dumps(shape).replace("SAID", said).encode()
    yield "text", said.encode()
    yield (
        "cut",
        json.dumps({"results": [PERSON | {"name": "SAID"}]}).replace("SAID", said)[:-9].encode(),
    )


def faults() -> Iterator[tuple[str, Play]]:
    for said in SAID:
        for name, body in bodies(said):
            for status in (200, 302, 400, 403, 404, 429, 500, 512):
                yield f"{status} {name}", cut(http(body, status, headers=HEADERS))
    raw = http(next(bodies(SAID[0]))[1], headers=HEADERS)
    yield "cut", cut(raw, -20)
    yield "reset", cut(raw, 30, by_reset=True)
    yield "HTML", cut(http(SAID[0].encode(), kind=f"text/{KEY}"))
    yield "no type", cut(http(SAID[0].encode(), kind=";;;;"))
    yield "no type, cut", cut(http(SAID[0].encode() * 9, kind=";;;;"), -20)
    yield "no HTTP", cut(SAID[0].encode() + b"\r\n\r\n")
    yield "status", cut(http(b"", f"200 {SAID[0]}"))


@asynccontextmanager
async def client(server: FaultServer, **how: Any) -> AsyncIterator[PostHogEnv]:
    settings = {"backoff": Backoff(max_attempts=2, base=0.0), "limits": None, "timeout": 5.0} | how
    async with PostHogEnv(1, api_key=KEY, host=server.url, **settings) as env:
        yield env


def texts_of(error: BaseException) -> Iterator[str]:
    """Give every text that an error can end up in; locals are those of the package's own frames.

    What the caller itself handed to a public function may stand there, and only there.
    """
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    yield pickle.dumps(error).decode("latin-1")
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    while told is not None:
        yield "".join(told.format_exception_only())
        for frame in told.stack:
            if "/tests/" not in frame.filename:
                yield f"{frame.name} {frame.locals}".replace(ASKED, "")
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)


@pytest.mark.parametrize("name", ASKS)
async def test_neither_key_nor_email_is_in_any_text(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors, logs at DEBUG, reprs, pickles, locals and warnings of every call with every fault."""
    caplog.set_level(logging.DEBUG)
    leaks = list[str]()
    async with FaultServer([]) as server, client(server) as env:
        for fault, play in faults():
            server.then = play
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                texts = [fault, *await texts_after(ASKS[name], env)]
            texts += [str(warning.message) for warning in warned]
            texts += [caplog.text, *(repr(vars(record)) for record in caplog.records)]
            caplog.clear()
            leaks += [f"{fault}: {text[:2000]}" for text in texts if leaks_in(text)]

    assert leaks == []


def leaks_in(text: str) -> bool:
    return any(secret in text for secret in (KEY, EMAIL, ASKED, ASKED.replace("@", "%40")))


async def texts_after(ask: Ask, env: PostHogEnv) -> list[str]:
    try:
        await ask(env)
    except PostHogError as error:
        return [repr(env), repr(env.limiter), *texts_of(error)]
    return [repr(env)]


async def test_reprs_of_what_a_run_holds_show_neither(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    row = {**PERSON, "name": EMAIL, "distinct_ids": [EMAIL], "properties": {"email": EMAIL}}

    async def page(connection: Connection) -> None:
        await connection.send(http(json.dumps({"results": [row], "next": None}).encode()))

    async with FaultServer([], then=page) as server, client(server) as env:
        listing = env.persons.list(search=ASKED)
        async with listing.iterate() as run:
            people = [person async for person in run]
            report: ListingReport = run.report
            texts = [repr(run), run.token, repr(report), repr(listing), repr(env.persons)]
        texts += [caplog.text]

    assert people[0].properties["email"] == EMAIL
    assert [text for text in texts if leaks_in(text)] == []


@pytest.mark.parametrize(
    ("key", "how"),
    [
        (KEY, {"host": "http://bad host"}),
        (KEY, {"host": "http://127.0.0.1", "timeout": -1}),
        (KEY, {"host": "http://127.0.0.1", "ssl": False}),
        (f"{KEY}\n", {}),
        (f"phc_{KEY}", {}),
    ],
)
def test_a_client_that_cannot_be_made_does_not_show_the_key(key: str, how: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PostHogEnv(1, api_key=key, **how)

    assert [text for text in texts_of(caught.value) if KEY in text] == []


@pytest.mark.parametrize("place", ["query", "path"])
async def test_the_key_goes_into_no_url(place: str) -> None:
    async with FaultServer([], then=cut(http(b"{}"))) as server, client(server) as env:
        if place == "query":
            with pytest.raises(ConfigurationError):
                await env.request("GET", "cohorts", params={"personal_api_key": KEY})
        await env.request("GET", "cohorts")

    assert all(KEY not in seen.target for seen in server.requests)
    assert all(seen.headers["authorization"] == f"Bearer {KEY}" for seen in server.requests)


async def test_closing_with_a_call_in_flight_shows_neither() -> None:
    import asyncio

    from fault_server import stall

    async with FaultServer([], then=stall()) as server:
        env = PostHogEnv(1, api_key=KEY, host=server.url, limits=None)
        await env.__aenter__()
        call = asyncio.ensure_future(env.persons.list(search=ASKED).collect())
        await server.came(1)
        await env.aclose()
        with pytest.raises(PostHogError) as caught:
            await call

    assert [text for text in texts_of(caught.value) if leaks_in(text)] == []


async def test_no_file_beside_an_export_and_no_report_shows_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "persons.ndjson"
    once, texts = Backoff(max_attempts=1), list[str]()
    async with FakePostHog(persons=500, key=KEY, mode="routes") as fake:
        fake.faults.append(Fault(503, after=2, times=1))
        settings = {"host": fake.url, "backoff": once, "limits": None}
        async with PostHogEnv(1, api_key=KEY, **settings) as env:
            listing = env.persons.list(search="e", email=None, page_size=50)
            with pytest.raises(PostHogError) as caught:
                await export(listing, path)
            texts += [*texts_of(caught.value), *texts_beside(path)]
            fake.faults.append(Fault(503, after=2, times=1))
            with pytest.raises(PostHogError) as caught:
                await env.persons.list(page_size=50).collect()
            texts += texts_of(caught.value)
            texts += [repr(await export(listing, path)), *texts_beside(path)]
        emails = {str(row.properties.get("email")) for row in await people_of(fake)}

    assert len(emails) > 10
    assert [text for text in [*texts, caplog.text] if KEY in text] == []
    assert [text for text in texts if any(email in text for email in emails if "@" in email)] == []


def texts_beside(path: Path) -> list[str]:
    beside = [file for file in path.parent.iterdir() if file.suffix == ".json"]
    assert beside
    return [file.read_text() for file in beside]


async def people_of(fake: FakePostHog) -> list[Any]:
    async with PostHogEnv(1, api_key=KEY, host=fake.url, limits=None) as env:
        return await env.persons.list().collect()
