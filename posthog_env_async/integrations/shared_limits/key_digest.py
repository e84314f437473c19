"""A name that stands for an API key."""

import hashlib

from posthog_env_async.errors import ConfigurationError

__all__ = ["name_of"]


def name_of(api_key: object) -> str:
    """Return a text that is the same for the same key, and does not tell it.

    Raises:
        ConfigurationError: for something else than text.
    """
    if not isinstance(api_key, str):  # a function that gives keys may have been handed in
        raise ConfigurationError("for_key takes the key as text; of a key that changes, give name=")
    text = api_key.strip().encode()
    return hashlib.blake2b(text, digest_size=12, person=b"posthog-env").hexdigest()
