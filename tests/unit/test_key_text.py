"""Keys as files and people write them: read, or refused with what is wrong."""

from pathlib import Path

import pytest

from posthog_env_async import ConfigurationError
from posthog_env_async.session import APIKey, key_from_text, read_key_file

KEY = "phx_0123456789abcdef"


@pytest.mark.parametrize(
    "data",
    [
        KEY.encode(),
        f"{KEY}\n".encode(),
        f"{KEY}\r\n".encode(),
        f"\ufeff{KEY}".encode(),
        f"\ufeff{KEY}\n".encode("utf-16-le"),
        f"\ufeff{KEY}\n".encode("utf-16-be"),
        KEY.encode("utf-16-le"),
        KEY.encode("utf-16-be"),
        f'"{KEY}"'.encode(),
        f"'{KEY}'\n".encode(),
        f"\u201c{KEY}\u201d".encode(),
        f"\n# the key of the nightly export\n{KEY}\n\n".encode(),
        f"POSTHOG_PERSONAL_API_KEY={KEY}".encode(),
        f'export POSTHOG_PERSONAL_API_KEY="{KEY}"\n'.encode(),
        f"POSTHOG_PERSONAL_API_KEY = '{KEY}'".encode(),
        f"$env:POSTHOG_PERSONAL_API_KEY='{KEY}'".encode(),
        f"Bearer {KEY}".encode(),
        f"Authorization: Bearer {KEY}\n".encode(),
        f"{KEY}\u200b".encode(),
        f"KEY='Bearer {KEY}';".encode(),
    ],
)
def test_a_key_is_read_however_it_was_written(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)

    assert key_from_text(data) == KEY
    assert read_key_file(path) == KEY


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b" \n# nothing\n", "is empty"),
        (b"KEY=", "has none behind"),
        (f"{KEY}\n{KEY}\n".encode(), "has 2 lines"),
        (f"{KEY} extra".encode(), "has 2 words"),
        (f'"{KEY}'.encode(), "has quotes"),
        (f'{{"key": "{KEY}"}}'.encode(), "JSON"),
        (b"phx_\xe2\x80\xa6", "shortened"),
        (b"phx_abc...", "shortened"),
        (b"phx_\xff\xfe\xfa", "not text in UTF-8 or UTF-16"),
        ("phx_ä".encode(), "outside ASCII"),
    ],
)
def test_what_is_not_a_key_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        key_from_text(data, "--key-file key.txt")

    assert "--key-file key.txt" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_key_file(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match="not a path"):
        read_key_file("a\0b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{KEY}\n", "line end"),
        (f"'{KEY}'", "quotes"),
        (f"Bearer {KEY}", "begins with 'Bearer'"),
        (f"KEY={KEY}", "begins with NAME="),
        ("phx_…", "shortened"),
        ("", "is empty"),
        (f"{KEY}\x07", "control characters"),
    ],
)
def test_a_key_that_is_given_as_text_says_exactly_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        APIKey(text)

    assert KEY not in str(caught.value)
