"""The key goes to the configured origin only (docs/reliability.md)."""

import os
import ssl as tls
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fault_server import PERSON, FaultServer, Listener, cut, http, json_page, whole
from posthog_env_async import (
    APIConnectionError,
    APIStatusError,
    Backoff,
    ConfigurationError,
    PostHogEnv,
    PostHogError,
)

KEY = "phx_wire_origin"
ONCE = Backoff(max_attempts=1)


@asynccontextmanager
async def client(server: FaultServer, **how: Any) -> AsyncIterator[PostHogEnv]:
    settings = {"backoff": ONCE, "limits": None, "timeout": 5.0, "host": server.url} | how
    async with PostHogEnv(1, api_key=KEY, **settings) as env:
        yield env


PLACES = [
    "http://127.0.0.1:{port}/api/projects/1/persons/?offset=1&limit=1",
    "http://localhost:{port}/api/projects/1/persons/?offset=1&limit=1",
    "//127.0.0.1:{port}/api/",
    "http://user:password@127.0.0.1:{port}/api/",
    "http://{own}@127.0.0.1:{port}/api/",
    "http:\\\\127.0.0.1:{port}\\api",
    "http://127.0.0.1:{port}#@{own}/",
    "http://127.0.0.1%3A{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "\thttp://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nX: y",
]


@pytest.mark.parametrize("place", PLACES)
async def test_a_next_link_to_another_origin_gets_no_byte(place: str) -> None:
    async with Listener() as foreign, FaultServer([]) as server:
        own = server.url.removeprefix("http://")
        link = place.format(port=foreign.port, own=own)
        server.then = whole(json_page([PERSON], f"{link}?limit=1&offset=1"))
        async with client(server) as env:
            with pytest.raises(PostHogError):
                await env.persons.list(page_size=1).collect()

    assert bytes(foreign.received) == b""
    assert {seen.target.partition("?")[0] for seen in server.requests} == {
        "/api/environments/1/persons/"
    }


@pytest.mark.parametrize("header", ["Location", "Link", "Content-Location", "Refresh"])
@pytest.mark.parametrize("status", [200, 201, 300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", PLACES[:6])
async def test_a_header_that_names_another_origin_gets_no_byte(
    place: str, status: int, header: str
) -> None:
    async with Listener() as foreign, FaultServer([]) as server:
        link = place.format(port=foreign.port, own=server.url.removeprefix("http://"))
        server.then = cut(http(b"{}", status, headers=[(header, link)]))
        async with client(server) as env:
            for method in ("GET", "POST"):
                try:
                    await env.request(method, "cohorts", json={} if method == "POST" else None)
                except (APIStatusError, APIConnectionError):
                    continue

    assert bytes(foreign.received) == b""


async def test_a_redirect_to_another_origin_names_the_host_to_use() -> None:
    moved = whole(b"", 301, headers=[("Location", "https://eu.posthog.com/api/environments/1/")])
    async with FaultServer([moved]) as server, client(server) as env:
        with pytest.raises(APIStatusError, match=r"redirects to https://eu\.posthog\.com"):
            await env.persons.get(1)


async def test_a_redirect_down_to_http_names_it(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    async with FaultServer([], ssl=server_context(authority)) as server:
        lower = server.url.replace("https", "http") + "/api/environments/1/persons/1/"
        server.then = whole(b"", 301, headers=[("Location", lower)])
        async with client(server, ssl=trusting(authority)) as env:
            with pytest.raises(APIStatusError, match=r"redirects to http://127\.0\.0\.1"):
                await env.persons.get(1)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://[", "", "nonsense", "javascript:alert(1)", "//", "http://"]
)
async def test_a_redirect_to_nonsense_is_an_error_of_ours(location: str) -> None:
    moved = cut(http(b"", 302, headers=[("Location", location)]))
    async with FaultServer([], then=moved) as server, client(server) as env:
        with pytest.raises(PostHogError):
            await env.persons.get(1)


async def test_a_redirect_on_the_same_origin_is_followed_with_the_method_kept() -> None:
    moved = whole(b"", 308, headers=[("Location", "/api/projects/1/cohorts/")])
    async with FaultServer([moved, whole(b"{}")]) as server, client(server) as env:
        await env.request("POST", "cohorts", json={"a": 1})

    assert [(seen.method, seen.body) for seen in server.requests] == [("POST", b'{"a":1}')] * 2


async def test_redirects_without_an_end_are_an_error() -> None:
    moved = whole(b"", 302, headers=[("Location", "/api/environments/1/persons/1/?again")])
    async with FaultServer([], then=moved) as server, client(server) as env:
        with pytest.raises(APIStatusError):
            await env.persons.get(1)

    assert len(server.requests) < 10


IDS = [
    "../../users/@me",
    "..",
    "../2",
    ".",
    "",
    "1/../../2",
    "1?format=csv",
    "1#x",
    "1\r\nX-Evil: y",
    "%2e%2e",
    "..%2f..%2fusers",
    "1\\..\\2",
    "１",  # noqa: RUF001 - a full-width digit
    "1\u202e",
    "1 ",
    "\ud800",
]


@pytest.mark.parametrize("name", IDS)
async def test_no_id_reaches_another_endpoint(name: str) -> None:
    async with FaultServer([], then=whole(b"{}")) as server, client(server) as env:
        for ask in (env.persons.get, env.persisted_folders.get, env.persisted_folders.delete):
            with pytest.raises(ConfigurationError):
                await ask(name)

    assert server.requests == []


@pytest.mark.parametrize("name", [name for name in IDS if name])
async def test_no_path_leaves_the_project(name: str) -> None:
    async with FaultServer([], then=whole(b"{}")) as server, client(server) as env:
        try:
            await env.request("GET", f"cohorts/{name}")
        except ConfigurationError:
            return

    (seen,) = server.requests
    assert seen.target.startswith("/api/environments/1/cohorts/")
    assert not {"..", "."} & set(seen.target.split("/"))
    assert seen.target.isascii()
    assert "x-evil" not in seen.headers


@pytest.mark.parametrize(
    "project", [name for name in IDS if name] + ["@me", "1/", "-1", "0x1", "٣"]
)
def test_no_project_id_reaches_another_endpoint(project: str) -> None:
    with pytest.raises(ConfigurationError):
        PostHogEnv(project, api_key=KEY, host="http://127.0.0.1")
    with pytest.raises(ConfigurationError):
        PostHogEnv(1, api_key=KEY, host="http://127.0.0.1").for_project(project)


HOSTS = [
    "https://user@us.posthog.com",
    "https://us.posthog.com@evil.example",
    "https://us.posthog.com:443@evil.example",
    "https://us.posthog.com\\@evil.example",
    "https://us.posthog.com\r\n.evil.example",
    "https://us.posthog.com\n",
    " https://us.posthog.com",
    "https://us.posthog.com?x",
    "https://us.posthog.com#x",
    "https://us.posthog.com/a/../b",
    "https://us.posthog.com%2eevil.example",
    "https://us.p\u043esthog.com",
    "https://us.po\u017fthog.com",
    "http\u017f://us.posthog.com",
    "https://\u212aeu.posthog.com",
    "https://us\u3002posthog.com",
    "https://u\u0131.posthog.com",
    "ftp://us.posthog.com",
    "file:///etc/passwd",
    "https://",
    "https:///x",
    "https://us.posthog.com:99999",
    "https://us.posthog.com:x",
    "https://us..posthog.com",
    "https://us.i.posthog.com",
    "https://[::1",
    "https://[1:2",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_not_plain_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError):
        PostHogEnv(1, api_key=KEY, host=host)


async def test_a_host_with_a_sub_path_is_never_left() -> None:
    moved = whole(b"", 302, headers=[("Location", "/elsewhere/")])
    async with (
        FaultServer([], then=moved) as server,
        client(server, host=f"{server.url}/posthog") as env,
    ):
        with pytest.raises(APIStatusError):
            await env.persons.get(1)

    assert {seen.target for seen in server.requests} == {"/posthog/api/environments/1/persons/1/"}


# proxies and the environment


@contextmanager
def environment(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def test_no_proxy_and_no_netrc_of_the_environment_is_used_unless_asked(
    tmp_path: Path,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login evil password evil\n")
    async with Listener() as foreign, FaultServer([], then=whole(json_page())) as server:
        place = f"http://127.0.0.1:{foreign.port}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        values = dict.fromkeys(names, place) | {"NETRC": str(netrc), "no_proxy": "", "NO_PROXY": ""}
        with environment(**values):
            async with client(server) as env:
                await env.persons.list().collect()

    assert bytes(foreign.received) == b""
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("asked", ["by name", "env"])
async def test_a_proxy_is_used_when_asked_for(asked: str) -> None:
    async with FaultServer([], then=whole(json_page())) as proxy:
        with environment(http_proxy=proxy.url, HTTP_PROXY=proxy.url, no_proxy="", NO_PROXY=""):
            settings = {"host": "http://posthog.invalid", "proxy": "env"}
            if asked == "by name":
                settings["proxy"] = proxy.url
            async with client(proxy, **settings) as env:
                await env.persons.list().collect()

    assert proxy.requests[0].target.startswith("http://posthog.invalid/api/environments/1/persons/")


async def test_a_host_that_the_environment_exempts_is_reached_without_its_proxy() -> None:
    async with Listener() as proxy, FaultServer([], then=whole(json_page())) as server:
        place = f"http://127.0.0.1:{proxy.port}"
        with environment(http_proxy=place, HTTP_PROXY=place, no_proxy="127.0.0.1"):
            async with client(server, proxy="env") as env:
                await env.persons.list().collect()

    assert len(server.requests) == 1
    assert bytes(proxy.received) == b""


async def test_a_proxy_that_refuses_to_connect_is_named() -> None:
    async with (
        FaultServer([], then=whole(b"no", 403)) as proxy,
        client(proxy, host="https://posthog.invalid", proxy=proxy.url) as env,
    ):
        with pytest.raises(APIConnectionError, match=r"proxy refuses to connect.* \(403\)"):
            await env.persons.get(1)

    assert proxy.requests[0].method == "CONNECT"
    assert "authorization" not in proxy.requests[0].headers


# TLS


def server_context(authority: Any) -> tls.SSLContext:
    context = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def trusting(authority: Any) -> tls.SSLContext:
    context = tls.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_server_with_an_own_authority_works_with_a_context_that_trusts_it() -> None:
    authority = pytest.importorskip("trustme").CA()
    page = whole(json_page())
    async with (
        FaultServer([page], ssl=server_context(authority)) as server,
        client(server, ssl=trusting(authority)) as env,
    ):
        assert len(await env.persons.list().collect()) == 1


@pytest.mark.parametrize("trusted", [None, "another"])
async def test_a_certificate_that_is_not_trusted_is_a_clear_error_at_once(
    trusted: str | None,
) -> None:
    trustme = pytest.importorskip("trustme")
    context = trusting(trustme.CA()) if trusted else None
    async with (
        FaultServer([], ssl=server_context(trustme.CA())) as server,
        client(server, ssl=context, backoff=Backoff(base=0.0)) as env,
    ):
        with pytest.raises(APIConnectionError, match="certificate is not trusted") as caught:
            await env.persons.get(1)

    assert caught.value.attempts == 1
    assert server.requests == []


async def test_a_certificate_of_another_host_is_refused() -> None:
    authority = pytest.importorskip("trustme").CA()
    context = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    authority.issue_cert("us.posthog.com").configure_cert(context)
    async with (
        FaultServer([], ssl=context) as server,
        client(server, ssl=trusting(authority)) as env,
    ):
        with pytest.raises(APIConnectionError, match="certificate is not trusted"):
            await env.persons.get(1)


@pytest.mark.parametrize("value", [False, True, 0, "no"])
def test_the_check_of_certificates_cannot_be_turned_off_by_a_flag(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"ssl\.SSLContext"):
        PostHogEnv(1, api_key=KEY, ssl=value)
