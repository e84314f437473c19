"""The key that a command uses: from the environment, a file or stdin."""

import os
import sys

from posthog_env_async.errors import ConfigurationError
from posthog_env_async.session import key_from_text, read_key_file

__all__ = ["key_from"]


def key_from(key_file: str | None) -> str:
    """Return the key of a file (`-` is stdin), or of the environment.

    Raises:
        ConfigurationError: when there is none.
    """
    if key_file is not None:
        return _key_in(key_file)
    key = os.environ.get("POSTHOG_PERSONAL_API_KEY", "")
    if not key:
        raise ConfigurationError(
            "no key: set POSTHOG_PERSONAL_API_KEY to a personal API key (phx_…), made in"
            " PostHog under Settings, Personal API keys; or give --key-file PATH"
        )
    return key


def _key_in(name: str) -> str:
    source = f"--key-file {name}"
    if name != "-":
        return read_key_file(name, source)
    stdin = sys.stdin
    return key_from_text(stdin.buffer.read() if hasattr(stdin, "buffer") else stdin.read(), source)
