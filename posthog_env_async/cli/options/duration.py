"""A time as people write it: `90`, `90s`, `30m`, `12h`, `7d`."""

import re

from posthog_env_async.errors import ConfigurationError

__all__ = ["seconds_of"]

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def seconds_of(text: str | None, option: str) -> float | None:
    """Return the seconds; `None` for none.

    Raises:
        ConfigurationError: when it is written in another way; names the option.
    """
    if text is None:
        return None
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{option} is a time such as 90s, 30m, 12h or 7d")
    return float(found[1]) * SECONDS[found[2]]
