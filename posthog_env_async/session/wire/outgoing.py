"""One attempt as it goes out, and what is checked when its answer comes in."""

import math
from collections.abc import Mapping
from functools import lru_cache

import aiohttp
import attrs
from yarl import URL

from posthog_env_async.converter import dump
from posthog_env_async.errors import ConfigurationError
from posthog_env_async.session.limits import Permit
from posthog_env_async.session.request import Request
from posthog_env_async.session.response import JSON, check_content_type, stated_type

from .connection_pool import CONNECT
from .response_body import check_end

__all__ = ["Outgoing", "PermitExpiredError", "check_head", "client_timeout", "encoded_body"]


class PermitExpiredError(Exception):
    """The permit ran out before the request could be sent; nothing was sent."""


@attrs.define
class Outgoing:
    """One attempt as it goes out; `timeout` is seconds, for a stream those for each piece."""

    request: Request
    url: URL
    headers: Mapping[str, str] = attrs.field(repr=False)
    timeout: float
    permit: Permit = attrs.field(repr=False)


@lru_cache
def client_timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    """Return aiohttp's own: it is exact, and sees the head and the body."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT, ceil_threshold=math.inf)


def check_head(outgoing: Outgoing, answer: aiohttp.ClientResponse) -> None:
    """Check the head of a successful answer; one that is not JSON must also say where it ends.

    JSON that was cut does not parse; of CSV and text nobody could tell.
    """
    accept, headers = outgoing.headers["Accept"], answer.headers
    if headers.get("Content-Type") != accept:
        check_content_type(stated_type(headers), accept)
    if accept != JSON and answer.status == 200:
        check_end(answer)


def encoded_body(request: Request) -> bytes | None:
    """Return the body of a request as JSON.

    Raises:
        ConfigurationError: when JSON cannot hold it.
    """
    if request.json is None:
        return None
    try:
        return dump(request.json)
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ConfigurationError(f"json must be what JSON can hold ({reason})")
