"""Keys and scopes (docs/server.md, Authentication)."""

import pickle

import pytest

from posthog_env_async import ConfigurationError, MissingScopeError
from posthog_env_async.session import APIKey, Scopes, require_scopes

KEY = "phx_abc"


def test_a_key_becomes_a_bearer_header() -> None:
    assert APIKey(KEY).header() == "Bearer phx_abc"


@pytest.mark.parametrize("text", ["phx_a", "pha_a", "phs_a", "an-old-key-without-prefix"])
def test_keys_of_every_kind_are_taken(text: str) -> None:
    assert APIKey(text).secret() == text


@pytest.mark.parametrize("text", ["", " ", "phx_a\n", "phx_a b", "phx_\x00", "phx_ä", "phx_a\r"])
def test_a_key_with_blanks_or_control_characters_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="POSTHOG_PERSONAL_API_KEY") as caught:
        APIKey(text)

    assert text not in str(caught.value) or not text.strip()


def test_a_project_token_is_refused_and_the_message_says_what_to_use() -> None:
    with pytest.raises(ConfigurationError, match="personal API key"):
        APIKey("phc_public")


def test_a_key_shows_itself_to_nobody() -> None:
    key = APIKey(KEY)

    assert repr(key) == str(key) == "APIKey(***)"
    assert KEY not in repr(vars(key) if hasattr(key, "__dict__") else {})


def test_a_key_does_not_pickle() -> None:
    with pytest.raises(ConfigurationError, match="environment"):
        pickle.dumps(APIKey(KEY))


@pytest.mark.parametrize(
    ("needed", "granted"),
    [
        ((), []),
        (("person:read",), ["person:read"]),
        (("person:read",), ["person:write"]),
        (("person:write",), ["*"]),
        ((("logs:read", "error_tracking:read"),), ["error_tracking:read"]),
        ((("logs:read", "error_tracking:read"),), ["logs:write"]),
        (("insight:read", "query:read"), ["query:read", "insight:read"]),
    ],
)
def test_scopes_that_allow_a_call(needed: Scopes, granted: list[str]) -> None:
    require_scopes(needed, granted)


@pytest.mark.parametrize(
    ("needed", "granted", "missing"),
    [
        (("person:read",), [], "person:read"),
        (("person:write",), ["person:read"], "person:write"),
        (("person:read",), ["persons:read", "person:"], "person:read"),
        ((("logs:read", "error_tracking:read"),), ["insight:read"], "logs:read"),
        (("insight:read", "query:read"), ["insight:read"], "query:read"),
    ],
)
def test_a_missing_scope_is_named(needed: Scopes, granted: list[str], missing: str) -> None:
    with pytest.raises(MissingScopeError, match="nothing was sent") as caught:
        require_scopes(needed, granted, method="GET", url="http://host/")

    assert caught.value.scope == missing
    assert (caught.value.status, caught.value.attempts) == (403, 0)
