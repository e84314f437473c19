"""Answers become bytes on a connection here, whole or spoiled."""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Awaitable, Callable

import attrs
from aiohttp import hdrs, web

from .response import Response

__all__ = ["abort", "compressed", "cut", "send", "strip_content_type", "truncate"]

GZIP_FROM = 200
NO_TYPE = "x-fake/none"
Pause = Callable[[], Awaitable[None]]


def compressed(answer: Response, accepted: str) -> Response:
    """Compress a body of some size for a client that takes gzip."""
    if "gzip" not in accepted.lower() or len(answer.body) < GZIP_FROM:
        return answer
    headers = {**answer.headers, hdrs.CONTENT_ENCODING: "gzip", hdrs.VARY: "Accept-Encoding"}
    return attrs.evolve(answer, body=gzip.compress(answer.body, 1, mtime=0), headers=headers)


def cut(answer: Response) -> Response:
    """Keep half of a body, under a length that fits."""
    return attrs.evolve(answer, body=answer.body[: len(answer.body) // 2])


def _head(answer: Response) -> dict[str, str]:
    return {"Content-Type": answer.content_type or NO_TYPE, **answer.headers}


async def strip_content_type(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Take out the type that aiohttp insists on where PostHog sends none."""
    if response.headers.get(hdrs.CONTENT_TYPE) == NO_TYPE:
        del response.headers[hdrs.CONTENT_TYPE]


def send(answer: Response) -> web.StreamResponse:
    """Make the whole answer."""
    return web.Response(status=answer.status, body=answer.body, headers=_head(answer))


async def truncate(
    request: web.Request, answer: Response, pause: Pause | None = None
) -> web.StreamResponse:
    """Send half of what the length promises, then close; with a pause, send the rest after it."""
    response = web.StreamResponse(status=answer.status, headers=_head(answer))
    response.content_length = len(answer.body)
    await response.prepare(request)
    half = len(answer.body) // 2
    await response.write(answer.body[:half])
    if pause is not None:
        await pause()
        await response.write(answer.body[half:])
    elif request.transport is not None:  # pragma: no branch - the client may have gone
        request.transport.close()
    return response


def abort(request: web.Request, *, reset: bool) -> web.StreamResponse:
    """Close the connection without an answer, with a RST if so wanted."""
    transport = request.transport
    if transport is not None:  # pragma: no branch - the client may have gone
        sock: socket.socket | None = transport.get_extra_info("socket")
        if reset and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
