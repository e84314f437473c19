"""Where the server is, and what no path can do (docs/server.md, Authentication and Hosts)."""

import pytest
from yarl import URL

from posthog_env_async import ConfigurationError
from posthog_env_async.session import (
    Address,
    Request,
    check_own_host,
    project_text,
    quoted_path,
    request_url,
)


@pytest.mark.parametrize(
    ("host", "origin", "base"),
    [
        ("us", "https://us.posthog.com", ""),
        ("eu", "https://eu.posthog.com", ""),
        ("app.posthog.com", "https://app.posthog.com", ""),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000", ""),
        ("HTTPS://Host.Example", "https://host.example", ""),
        ("https://example.com/sub/path/", "https://example.com", "/sub/path"),
        ("https://example.com/X/", "https://example.com", "/X"),
        ("http://[::1]:8000", "http://[::1]:8000", ""),
        ("https://example.com:443", "https://example.com", ""),
        ("HTTP://host.example:1", "http://host.example:1", ""),
        ("host.example:65535", "https://host.example:65535", ""),
    ],
)
def test_a_host_is_read(host: str, origin: str, base: str) -> None:
    address = Address.parse(host)

    assert (str(address.origin), address.base_path) == (origin, base)


@pytest.mark.parametrize(
    "host",
    [
        "",
        " us",
        "ftp://example.com",
        "https://user:pass@example.com",
        "https://example.com?x=1",
        "https://example.com/#x",
        "https://exa mple.com",
        "https://exämple.com",
        "https://example.com/a/../b",
        "https://a..b",
        "https://example.com\\@evil.example",
        "https://example.com:port",
        "https://",
        "https://example.com\n",
        "https://example.com/\n",
        "https://example.com:99999",
        "https://example.com:0",
        "https://example.com:65536",
    ],
)
def test_a_host_that_could_mislead_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="host"):
        Address.parse(host)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            "",
            "host must be 'us', 'eu' or a URL such as https://posthog.example.com,"
            " without user info, query, blanks or characters outside ASCII",
        ),
        ("https://example.com:0", "the port of host must be a number from 1 to 65535"),
        (
            "https://us.posthog.com/project/1",
            "host is the address of a page; the host alone is https://us.posthog.com"
            " (the project's number goes into project_id)",
        ),
    ],
)
def test_a_refusal_says_what_a_host_is(host: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Address.parse(host)

    assert str(caught.value) == message


def test_a_name_that_no_server_can_have_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^host is not an address: its name or port cannot exist$"
    ):
        Address.parse("https://[1.2]")


@pytest.mark.parametrize("host", ["us.i.posthog.com", "https://EU.i.posthog.com/"])
def test_an_ingestion_host_is_refused_and_the_right_one_named(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"use https://(us|eu)\.posthog\.com"):
        Address.parse(host)


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("us", True),
        ("app.posthog.com", True),
        ("posthog.com", True),
        ("notposthog.com", False),
        ("posthog.com.evil.example", False),
    ],
)
def test_cloud_is_known_by_its_name(host: str, cloud: bool) -> None:
    assert Address.parse(host).is_cloud is cloud


def test_a_url_lies_below_the_sub_path() -> None:
    request = Request(path="persons/", project="1", params={"search": "a b&c"})

    url = request_url(Address.parse("https://example.com/sub"), request, "projects")

    assert str(url) == "https://example.com/sub/api/projects/1/persons/?search=a+b%26c"


def test_a_url_above_projects_has_no_prefix() -> None:
    request = Request(path="personal_api_keys/@current/")

    url = request_url(Address.parse("https://example.com"), request, "projects")

    assert str(url) == "https://example.com/api/personal_api_keys/@current/"


def test_a_quoted_path_is_sent_as_it_is() -> None:
    request = Request(path="persons/a%2Fb%41/", project="1")

    url = request_url(Address.parse("https://example.com"), request, "projects")

    assert url.raw_path_qs == "/api/projects/1/persons/a%2Fb%41/"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/sub/api/projects/1/", "https://example.com/sub/api/projects/1/"),
        ("https://example.com/sub/x?y=1", "https://example.com/sub/x?y=1"),
        ("other/", "https://example.com/sub/api/other/"),
    ],
)
def test_a_redirect_within_the_origin_is_ours(location: str, target: str) -> None:
    address = Address.parse("https://example.com/sub")
    asked = URL("https://example.com/sub/api/persons")

    assert str(address.own(location, asked)) == target


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/sub/x",
        "https://example.com:444/sub/x",
        "https://evil.example/sub/x",
        "https://me:pw@example.com/sub/x",
        "//evil.example/sub/x",
        "/elsewhere",
        "https://[bad",
        "mailto:a",
    ],
)
def test_a_redirect_that_leaves_is_not(location: str) -> None:
    address = Address.parse("https://example.com/sub")

    assert address.own(location, URL("https://example.com/sub/api/")) is None


@pytest.mark.parametrize(
    ("project", "text"), [(0, "0"), (1, "1"), ("42", "42"), ("@current", "@current")]
)
def test_a_project_is_a_number_or_the_current_one(project: int | str, text: str) -> None:
    assert project_text(project) == text


@pytest.mark.parametrize("project", ["", "1/2", "../1", "a", True, "\u0661", -1, "1?x"])
def test_a_project_is_nothing_else(project: int | str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^project_id must be a whole number \(or '@current'\)$"
    ):
        project_text(project)


def test_no_project_says_how_to_find_one() -> None:
    with pytest.raises(ConfigurationError) as caught:
        project_text(None)

    assert str(caught.value) == (
        "no project: give project_id or set POSTHOG_PROJECT_ID;"
        " env.projects.list() shows the ids that the key can use"
    )


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("cohorts", "cohorts/"),
        ("/cohorts/7/", "cohorts/7/"),
        ("persons/@current/ä", "persons/@current/%C3%A4/"),
        ("a%2e%2e", "a%252e%252e/"),
        ("a;b=c", "a%3Bb%3Dc/"),
        ("X/a/X", "X/a/X/"),
        ("\ud800", "%3F/"),
    ],
)
def test_a_path_is_quoted(path: str, quoted: str) -> None:
    assert quoted_path(path) == quoted


@pytest.mark.parametrize(
    "path", ["", "/", "..", "a/../b", "a/./b", "a//b", "a?b=1", "a#b", "a\\b", "a b", "a\n", "\x7f"]
)
def test_a_path_that_could_leave_the_project_is_refused(path: str) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"^a path has no empty, .* control characters; give the query as params$",
    ):
        quoted_path(path)


@pytest.mark.parametrize(
    "host", ["http://us.posthog.com", "http://EU.posthog.com/", "HTTP://app.posthog.com"]
)
def test_the_cloud_is_not_asked_in_clear(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"host must be https://\w+\.posthog\.com"):
        Address.parse(host)


@pytest.mark.parametrize(
    ("page", "host"),
    [
        ("https://us.posthog.com/project/123", "https://us.posthog.com"),
        ("https://us.posthog.com/project/123/persons#panel=x", "https://us.posthog.com"),
        ("https://eu.posthog.com/settings/user-api-keys", "https://eu.posthog.com"),
        ("us.posthog.com/login?next=/", "https://us.posthog.com"),
        ("https://us.posthog.com/some/other/page", "https://us.posthog.com"),
        ("https://posthog.example.com/project/1/insights", "https://posthog.example.com"),
        ("http://localhost:8000/api/projects/1/", "http://localhost:8000"),
        ("https://example.com/posthog/project/7", "https://example.com/posthog"),
    ],
)
def test_the_address_of_a_page_is_recognised_and_the_host_named(page: str, host: str) -> None:
    with pytest.raises(ConfigurationError, match="address of a page") as caught:
        Address.parse(page)

    assert f"the host alone is {host} " in str(caught.value)


def test_a_host_named_from_elsewhere_must_be_the_own_one() -> None:
    check_own_host("https://us.posthog.com/", "us", "the partition")
    with pytest.raises(ConfigurationError, match=r"not sent to another host; set POSTHOG_HOST or"):
        check_own_host("https://evil.example", "us", "the partition")
    with pytest.raises(ConfigurationError):
        check_own_host("http://localhost:1", "http://localhost:2", "the partition")
