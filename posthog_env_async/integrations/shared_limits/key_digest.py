"""A name that stands for an API key."""

import hashlib

__all__ = ["name_of"]


def name_of(api_key: str) -> str:
    """Return a text that is the same for the same key, and does not tell it."""
    text = api_key.strip().encode()
    return hashlib.blake2b(text, digest_size=12, person=b"posthog-env").hexdigest()
