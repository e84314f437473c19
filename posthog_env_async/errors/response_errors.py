"""An error answer of the server, in any of its shapes, made into the error to raise."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

from .redaction import redacted
from .status_tree import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    EndpointNotAvailableError,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    QueryTooExpensiveError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)

__all__ = ["ENDPOINT_NOT_FOUND", "error_for", "redirected", "wait_asked_for"]

KEPT_BODY = 2048
KEPT_ID = 200
MAX_WAIT = 86_400.0
ENDPOINT_NOT_FOUND = "Endpoint not found."

_SCOPE = re.compile(r"missing required scope '([\w:*]+)'")
_SECONDS = re.compile(r"available in ([\d.]+) second")
_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"\w+")

_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
    512: QueryTooExpensiveError,
    513: QueryTooExpensiveError,
}


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str = "",
    url: str = "",
    attempts: int = 1,
    availability: str = "",
    secret: str = "",
) -> APIStatusError:
    """Turn an error answer into the error to raise.

    Takes every shape that occurs (docs/server.md, Errors): PostHog's own, `{"error": …}`,
    `{"success": false}`, swapped code and detail, plain text, HTML, nothing. `availability` says
    which server versions
    have the endpoint; `secret` is taken out of every text, as are keys and e-mail addresses.
    """
    text = redacted(body.decode("utf-8", "replace"), secret)
    fields = _without_secrets(_hog_fields(text, status), secret)
    detail = fields["detail"]
    fields |= {
        "status": status,
        "retry_after": wait_asked_for(headers.get("Retry-After"), detail, _date(headers)),
        "request_id": _request_id(headers, fields["extra"], secret),
        "method": method,
        "url": url,
        "attempts": attempts,
        "body": text[:KEPT_BODY],
    }
    message = f"{status} {detail} ({method} {url})" if url else f"{status} {detail}"
    if status == HTTPStatus.FORBIDDEN and (scope := _SCOPE.search(detail)):
        advice = f"{message}; add the scope to the key in PostHog's settings"
        return MissingScopeError(advice, scope=scope[1], **fields)
    if status == HTTPStatus.NOT_FOUND and detail == ENDPOINT_NOT_FOUND:
        return EndpointNotAvailableError(f"{message} {availability}".rstrip(), **fields)
    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else APIStatusError
    return kind(message, **fields)


def redirected(status: int, location: str, *, method: str = "", url: str = "") -> APIStatusError:
    """Return the error for a redirect that is not followed; names the host it points to."""
    try:
        target = urlsplit(location)
        port = f":{target.port}" if target.port else ""
        known = f"{target.scheme}://{target.hostname}{port}" if target.hostname else "nowhere"
        host = redacted(known)
    except ValueError:
        host = "nowhere"
    detail = (
        f"the server redirects to {host}, where the key is not sent;"
        " if that is your server, set host to it"
    )
    return APIStatusError(
        f"{status} {detail} ({method} {url})",
        status=status,
        code="redirect",
        detail=detail,
        method=method,
        url=url,
    )


def wait_asked_for(
    header: str | None, detail: str = "", now: datetime | None = None
) -> float | None:
    """Read how many seconds the server asks to wait, at most a day; `None` when it does not say.

    The `Retry-After` header as seconds or date, else the number in `detail`; see docs/server.md,
    Throttles.
    """
    seconds = _header_seconds(header.strip(), now) if header else None
    if seconds is None and (match := _SECONDS.search(detail)):
        seconds = _number(match[1])
    return None if seconds is None else min(max(0.0, seconds), MAX_WAIT)


def _date(headers: Mapping[str, str]) -> datetime | None:
    """Return when the server sent the answer, by its own clock: dates in it are by that, too."""
    return _parsed_date(headers.get("Date") or "")


def _header_seconds(header: str, now: datetime | None) -> float | None:
    seconds = _number(header)
    if seconds is not None:
        return seconds
    then = _parsed_date(header)
    return None if then is None else (then - (now or datetime.now(UTC))).total_seconds()


def _parsed_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if math.isinf(number) and text.isdigit():
        return MAX_WAIT
    return number if math.isfinite(number) else None


def _hog_fields(text: str, status: int) -> dict[str, Any]:
    body = _json_object(text)
    code, detail = _text(body.get("code")), _text(body.get("detail") or body.get("error"))
    if code and detail and _CODE.fullmatch(detail) and not _CODE.fullmatch(code):
        # Some answers have them swapped: docs/server.md, Other person actions.
        code, detail = detail, code
    known = {"type", "code", "detail", "attr", "extra", "error"}
    extra = {name: value for name, value in body.items() if name not in known}
    if isinstance(body.get("extra"), dict):
        extra |= cast("dict[str, Any]", body["extra"])
    attr = body.get("attr")
    return {
        "type": _text(body.get("type")),
        "code": code,
        "detail": detail or _plain(text if not body else "", status),
        "attr": attr if isinstance(attr, str) else None,
        "extra": extra,
    }


def _without_secrets(value: Any, secret: str) -> Any:
    """Redact once more what the escapes of JSON may have hidden, such as that of an @."""
    if isinstance(value, str):
        return redacted(value, secret)
    if isinstance(value, list):
        return [_without_secrets(item, secret) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {redacted(key, secret): _without_secrets(item, secret) for key, item in items}
    return value


def _request_id(headers: Mapping[str, str], extra: Mapping[str, Any], secret: str) -> str | None:
    request_id = headers.get("X-Request-Id") or extra.get("error_event_id")
    return redacted(request_id, secret)[:KEPT_ID] if isinstance(request_id, str) else None


def _json_object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else json.dumps(value))[:KEPT_BODY]


def _plain(text: str, status: int) -> str:
    title = _TITLE.search(text)
    if title or text.lstrip().startswith("<"):
        text = title[2] if title else ""
    line = " ".join(text.split())[:200]
    if line:
        return line
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "the server gave no reason"
