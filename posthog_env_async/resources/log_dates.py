"""The dates of a logs query: absolute, whole days, and in order."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from posthog_env_async.errors import ConfigurationError

__all__ = ["Date", "date_range"]

Date = datetime | date | str

_RELATIVE = re.compile(r"-(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def date_range(date_from: Date, date_to: Date | None) -> Mapping[str, str]:
    """Return the range that the server is asked for, in UTC, so that every page asks for the same.

    A day without a time is a whole one: from its first moment, or to its last.

    Raises:
        ConfigurationError: for what is not a date, and for a range that ends before it begins.
    """
    now = datetime.now(UTC)
    first = _moment(date_from, now, time.min)
    last = now if date_to is None else _moment(date_to, now, time.max)
    if first > last:
        raise ConfigurationError(
            "date_from is after date_to: give a date_from that is earlier (it is '-1h' when left"
            " out)"
        )
    return {"date_from": _text(first), "date_to": _text(last)}


def _moment(value: Date, now: datetime, time_of_day: time) -> datetime:
    try:
        if isinstance(value, str):
            value = _from_text(value, now)
        if not isinstance(value, datetime):
            value = datetime.combine(value, time_of_day)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        message = (
            "a date is a datetime, a date, an ISO text, or a relative text such as '-6h' or '-7d'"
        )
    raise ConfigurationError(message)


def _from_text(text: str, now: datetime) -> datetime | date:
    if relative := _RELATIVE.fullmatch(text):
        return now - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
    return date.fromisoformat(text) if _DAY.fullmatch(text) else datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
