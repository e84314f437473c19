"""The key that a command uses: from the environment, a file or stdin."""

import os
import sys

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.session import KeyFunction, key_from_file, key_from_text, read_key_file

__all__ = ["key_from", "key_source"]


def key_from(key_file: str | None) -> str:
    """Return the key of a file (`-` is stdin), or of the environment.

    Raises:
        ConfigurationError: when there is none, or the file holds something else.
    """
    if key_file == "-":
        return key_from_text(sys.stdin.buffer.read(), "--key-file: stdin")
    if key_file is not None:
        return read_key_file(key_file, f"--key-file: {key_file}")
    key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
    if not key:
        raise ConfigurationError(
            "no key: set POSTHOG_PERSONAL_API_KEY to a personal API key (phx_…), made in"
            " PostHog under Settings, Personal API keys; or give --key-file PATH"
        )
    return key


def key_source(key_file: str | None, key: str) -> str | KeyFunction:
    """Return what a client takes: a file is read again when its key may have changed."""
    return key if key_file in {None, "-"} else key_from_file(str(key_file))
