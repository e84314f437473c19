"""The key that a command uses: from the environment, a file or stdin."""

import os
import sys
from pathlib import Path

from posthog_env_async.errors import ConfigurationError

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
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"--key-file: cannot read {name}: {reason}") from None
    if not text.strip():
        raise ConfigurationError(f"--key-file: {name} is empty")
    return text.strip()
