"""An error answer in any of its shapes becomes the error to raise.

See docs/server.md, Authentication, Errors and Throttles.
"""

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from posthog_env_async.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    CheckpointError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    EndpointNotAvailableError,
    ExportError,
    FileLockedError,
    LimiterUnavailableError,
    MissingScopeError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    PostHogError,
    QueryTooExpensiveError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    error_for,
    redacted,
    redirected,
    wait_asked_for,
)

KEY = "phx_abcDEF0123456789"


def answer(status: int, body: Any, **headers: str) -> APIStatusError:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_for(status, given, text, method="GET", url="http://host/api/", secret="s3cret")


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
        (415, APIStatusError),
        (429, RateLimitError),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (512, QueryTooExpensiveError),
        (513, QueryTooExpensiveError),
        (524, ServerError),
    ],
)
def test_a_status_has_its_class(status: int, kind: type[APIStatusError]) -> None:
    error = answer(status, {"detail": "no"})

    assert type(error) is kind
    assert error.status == status


def test_the_fields_of_posthogs_own_shape_are_kept() -> None:
    body = {
        "type": "validation_error",
        "code": "invalid_input",
        "detail": "Properties are unparsable!",
        "attr": "properties__0",
        "extra": {"hint": 1},
        "error_event_id": "event-1",
    }

    error = answer(400, body)

    assert (error.type, error.code, error.attr) == (
        "validation_error",
        "invalid_input",
        "properties__0",
    )
    assert error.detail == "Properties are unparsable!"
    assert error.extra == {"hint": 1, "error_event_id": "event-1"}
    assert error.request_id == "event-1"
    assert str(error) == "400 Properties are unparsable! (GET http://host/api/)"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"error": "Query failed"}', "Query failed"),
        (b'{"success": false, "detail": "nothing to unset"}', "nothing to unset"),
        (b"upstream request timeout", "upstream request timeout"),
        (b"<html><title>502 Bad Gateway</title><body>x</body></html>", "502 Bad Gateway"),
        (b"<html><h1>\n Sorry\n</h1></html>", "Sorry"),
        (b"  <html></html>", "Bad Gateway"),
        (b"", "Bad Gateway"),
        (b"[1, 2]", "[1, 2]"),
        (b"{}", "{}"),
        (b"[" * 100_000, "[" * 200),
        (b'{"detail": {"a": [1]}}', '{"a": [1]}'),
        (b'{"other": 1}', "Bad Gateway"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_every_shape_gives_a_detail(body: bytes, detail: str) -> None:
    error = answer(502, body)

    assert error.detail == detail


def test_a_status_without_a_name_still_says_something() -> None:
    error = answer(599, b"")

    assert error.detail == "the server gave no reason"


def test_swapped_code_and_detail_are_put_right() -> None:
    body = {"type": "validation_error", "code": "This field is required.", "detail": "required"}

    error = answer(400, {**body, "attr": "value"})

    assert (error.code, error.detail) == ("required", "This field is required.")


def test_an_attr_that_is_not_text_is_left_out() -> None:
    assert answer(400, {"detail": "no", "attr": 7}).attr is None


def test_a_403_that_names_a_scope_is_a_missing_scope() -> None:
    body = {
        "type": "authentication_error",
        "code": "permission_denied",
        "detail": "API key missing required scope 'person:read'",
        "attr": None,
    }

    error = answer(403, body)

    assert isinstance(error, MissingScopeError)
    assert error.scope == "person:read"
    assert error.code == "permission_denied"
    assert "add the scope" in str(error)


def test_a_404_of_a_route_says_which_servers_have_it() -> None:
    body = {"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found."}

    error = error_for(404, {}, json.dumps(body).encode(), availability="Newer servers have it.")

    assert isinstance(error, EndpointNotAvailableError)
    assert str(error) == "404 Endpoint not found. Newer servers have it."


def test_a_request_id_of_the_server_comes_first() -> None:
    assert answer(500, {"error_event_id": "b"}, X_Request_Id="a").request_id == "a"


def test_keys_secrets_and_e_mails_are_taken_out_of_everything() -> None:
    body = {"detail": f"{KEY} of ada@example.com, s3cret", "mail": "ada%40example.com"}

    error = answer(400, body)

    assert error.detail == "*** of ***, ***"
    assert error.extra == {"mail": "***"}
    assert not any(word in repr(error.__dict__) for word in ("ada", KEY, "s3cret"))


def test_at_most_two_kilobytes_of_the_body_are_kept() -> None:
    error = answer(500, b"x" * 100_000)

    assert len(error.body) == 2048


@pytest.mark.parametrize(
    ("header", "detail", "seconds"),
    [
        ("42", "", 42.0),
        (" 0.5 ", "", 0.5),
        ("-3", "", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "", 30.0),
        ("Wed, 21 Oct 2026 07:28:30 -0000", "", 30.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", "", 0.0),
        (None, "Request was throttled. Expected available in 42 seconds.", 42.0),
        (None, "Expected available in 1 second.", 1.0),
        ("soon", "Expected available in 7 seconds.", 7.0),
        ("inf", "", None),
        ("nan", "", None),
        ("", "", None),
        ("soon", "", None),
        ("Wed, 99 Oct 9999999 07:28:30 GMT", "", None),
        (None, "Expected available in 1.2.3 seconds", None),
        (None, "", None),
    ],
)
def test_a_wait_is_read_as_seconds_or_date_or_from_the_detail(
    header: str | None, detail: str, seconds: float | None
) -> None:
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)

    assert wait_asked_for(header, detail, now) == seconds


@pytest.mark.parametrize(
    "header",
    ["9" * 30, "1" + "0" * 400, "31536000", "Fri, 31 Dec 9999 23:59:59 GMT", "86401.5"],
)
def test_one_answer_asks_for_a_day_at_most(header: str) -> None:
    assert wait_asked_for(header) == 86_400.0
    assert wait_asked_for(None, f"Expected available in {header} seconds.") in {86_400.0, None}


def test_a_date_is_by_the_clock_of_the_server_that_sent_it() -> None:
    headers = {
        "Date": "Mon, 02 Mar 2015 10:00:00 GMT",
        "Retry-After": "Mon, 02 Mar 2015 10:00:30 GMT",
    }

    assert error_for(429, headers, b"").retry_after == 30.0
    assert error_for(429, {**headers, "Date": "nonsense"}, b"").retry_after == 0.0


def test_a_429_carries_its_wait() -> None:
    error = answer(429, {"detail": "Request was throttled."}, Retry_After="9")

    assert isinstance(error, RateLimitError)
    assert error.retry_after == 9.0


def test_a_redirect_names_the_host_it_points_to_and_not_the_rest() -> None:
    error = redirected(302, "https://evil.example/a?token=x", method="GET", url="http://host/")

    assert error.code == "redirect"
    assert "https://evil.example" in str(error)
    assert "token" not in str(error)


@pytest.mark.parametrize("location", ["", "/login", "https://[bad", "https://host:port/"])
def test_a_redirect_without_a_host_leads_nowhere(location: str) -> None:
    assert "nowhere" in str(redirected(302, location))


ERRORS: list[PostHogError] = [
    APIConnectionError(
        "refused", method="GET", url="http://h/", attempts=2, may_have_been_processed=True
    ),
    APITimeoutError("late", retryable=False),
    answer(429, {"detail": "slow down", "extra": {"a": [1]}}, Retry_After="3"),
    MissingScopeError("no", scope="person:read", method="GET"),
    EndpointNotAvailableError("no", status=404),
    ResponseDecodeError("no JSON", retryable=True),
    PaginationError("gap"),
    CheckpointError("damaged"),
    ConfigurationError("wrong"),
    ClientClosedError("closed"),
    LimiterUnavailableError("away", retryable=False),
    ExportError("cannot write a.csv: the disk is full", errno=28),
    FileLockedError("another export writes a.csv"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_can_be_pickled_with_all_its_fields(error: PostHogError) -> None:
    error.resume_token = "token"

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made right here

    assert type(again) is type(error)
    assert (str(again), again.__dict__) == (str(error), error.__dict__)
    assert again.resume_token == "token"


@pytest.mark.parametrize(
    ("kind", "older"),
    [
        (ClientClosedError, ConfigurationError),
        (LimiterUnavailableError, APIConnectionError),
        (ExportError, ConfigurationError),
        (ExportError, OSError),
        (FileLockedError, ExportError),
        (FileLockedError, CheckpointError),
    ],
)
def test_a_new_class_is_also_what_was_raised_before(
    kind: type[PostHogError], older: type[Exception]
) -> None:
    assert issubclass(kind, older)


def test_an_export_error_keeps_the_number_of_the_system() -> None:
    again = pickle.loads(pickle.dumps(ExportError("full", errno=28)))  # noqa: S301 - made right here

    assert (again.errno, str(again)) == (28, "full")
    assert ExportError("refused").errno is None


def test_outcome_unknown_is_the_old_name_of_may_have_been_processed() -> None:
    error = APIConnectionError("reset", outcome_unknown=True)

    assert error.may_have_been_processed
    assert error.outcome_unknown


def test_an_error_outside_of_a_listing_has_no_token() -> None:
    assert PostHogError("x").resume_token is None


def test_a_configuration_error_is_a_value_error() -> None:
    assert isinstance(ConfigurationError("x"), ValueError)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"Bearer {KEY}", "Bearer ***"),
        ("pha_token-1 phs_x phc_y", "*** *** ***"),
        ("graph_x", "graph_x"),
        ("email=ada.l+x@mail.example.com&x=1", "email=***&x=1"),
        ("ada@localhost", "ada@localhost"),
        ("a secret here", "a *** here"),
    ],
)
def test_redaction_takes_out_what_is_private(text: str, clean: str) -> None:
    assert redacted(text, "secret") == clean
