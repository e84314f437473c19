"""What can go wrong on the wire, and the error that says so."""

import asyncio

import aiohttp
from yarl import URL

from posthog_env_async.errors import APIConnectionError, APITimeoutError
from posthog_env_async.session.backoff import RetrySafety
from posthog_env_async.session.request import READS, Request

from .response_body import BodyError, BodyTooLargeError, SlowBodyError

__all__ = ["FAULTS", "closed_meanwhile", "is_stale_connection", "map_error"]

FAULTS = (
    aiohttp.ClientError,
    aiohttp.http.HttpProcessingError,
    asyncio.TimeoutError,
    OSError,
    ValueError,
    # aiohttp's word for a session that is closed or belongs to another loop.
    RuntimeError,
    BodyError,
    BodyTooLargeError,
    SlowBodyError,
)
DISTRUSTED = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)
DISTRUST = (
    "the server's certificate is not trusted or TLS failed; give ssl= a context that trusts it"
)
LASTING = (*DISTRUSTED, aiohttp.InvalidURL, RuntimeError)
UNSENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    RuntimeError,
)
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (asyncio.TimeoutError, "no answer in time; raise timeout, or ask for smaller pages"),
    *((kind, DISTRUST) for kind in DISTRUSTED),
    (aiohttp.ClientPayloadError, "the answer was cut"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (aiohttp.InvalidURL, "host or proxy is not a usable URL"),
    (RuntimeError, "this aiohttp session cannot be used here: it is closed or of another loop"),
)


def is_stale_connection(fault: Exception) -> bool:
    """Whether other pooled connections may be as dead as this one was."""
    broke = isinstance(fault, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
    return broke and not isinstance(fault, aiohttp.ClientConnectorError)


def map_error(
    fault: Exception, request: Request, url: URL, max_bytes: int = 0
) -> APIConnectionError:
    """Return our error for a failed exchange; the fault's own text may hold the key."""
    unsent = isinstance(fault, UNSENT)
    late = isinstance(fault, asyncio.TimeoutError | SlowBodyError)
    shown_url = str(url.with_query(None))
    is_safe = request.method in READS or request.retry_safety is RetrySafety.SAFE
    unknown = not unsent and not is_safe
    if isinstance(fault, BodyTooLargeError):
        return _too_large(request, shown_url, max_bytes)
    message = f"{_reason(fault)} ({request.method} {shown_url})"
    if unknown:
        message += "; the request may have been carried out: check before sending it again"
    return (APITimeoutError if late else APIConnectionError)(
        message,
        method=request.method,
        url=shown_url,
        may_have_been_processed=unknown,
        retryable=not isinstance(fault, LASTING),
    )


def closed_meanwhile() -> APIConnectionError:
    """Return the error for a call that was broken off because the client was closed."""
    return APIConnectionError(
        "the client was closed while the call was under way",
        may_have_been_processed=True,
        retryable=False,
    )


def _too_large(request: Request, shown_url: str, max_bytes: int) -> APIConnectionError:
    return APIConnectionError(
        f"no whole answer: it is larger than {max_bytes} bytes ({request.method} {shown_url});"
        " ask for less at once with a smaller page_size, or raise max_response_bytes",
        method=request.method,
        url=shown_url,
        may_have_been_processed=request.retry_safety is not RetrySafety.SAFE,
        retryable=False,
        too_large=True,
    )


def _reason(fault: Exception) -> str:
    if isinstance(fault, BodyError | SlowBodyError):
        return f"no whole answer: {fault}"
    if isinstance(fault, aiohttp.ClientHttpProxyError):
        return f"the proxy refuses to connect to the server ({fault.status})"
    for kind, reason in REASONS:
        if isinstance(fault, kind):
            return reason
    what = "cannot connect to the server; check host and network"
    if not isinstance(fault, aiohttp.ClientConnectorError):
        what = "the connection broke"
    return f"{what} ({type(fault).__name__})"
