"""Keys and e-mail addresses taken out of a text."""

import re

__all__ = ["redacted"]

_KEY = re.compile(r"\bph[a-z]_[A-Za-z0-9_-]+")
_EMAIL = re.compile(
    r"[^\s\"'<>=?&,;:/\\]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
)


def redacted(text: str, secret: str = "") -> str:
    """Take `secret`, PostHog keys and e-mail addresses out of a text."""
    if secret:
        text = text.replace(secret, "***")
    return _EMAIL.sub("***", _KEY.sub("***", text))
