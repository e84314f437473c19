"""A body read to its end: decompressed by us, bounded, and known to be whole."""

import asyncio
import io
import time
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Protocol

import aiohttp
import attrs

from posthog_env_async.session.call import Call
from posthog_env_async.session.response import (
    JSON,
    Headers,
    Response,
    check_content_type,
    stated_type,
)

__all__ = [
    "BodyError",
    "BodyTooLargeError",
    "SlowBodyError",
    "body_chunks",
    "check_head",
    "read_response",
]

GZIP = 16 + zlib.MAX_WBITS
PIECE = 1 << 20
GRACE = 10.0
MIN_BYTES_PER_SECOND = 256.0


class BodyError(Exception):
    """The body is cut or damaged."""


class BodyTooLargeError(Exception):
    """The body is larger than the client takes."""


class SlowBodyError(Exception):
    """The body trickles in below the smallest acceptable rate."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def _new_inflater() -> _Inflater:
    try:
        from isal import isal_zlib  # noqa: PLC0415 - the optional extra `speed`
    except ImportError:
        return zlib.decompressobj(GZIP)
    return isal_zlib.decompressobj(GZIP)  # pyright: ignore[reportUnknownMemberType]


@attrs.define
class _Gzip:
    """Decompresses member after member and knows whether the last one ended."""

    inflater: _Inflater = attrs.field(factory=_new_inflater)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` unpacks to, in pieces of at most 1 MiB."""
        while data:
            if self.inflater.eof:
                self.inflater = _new_inflater()
            yield self._unpack(data)
            data = self.inflater.unused_data if self.inflater.eof else self.inflater.unconsumed_tail

    def _unpack(self, data: bytes) -> bytes:
        try:
            return self.inflater.decompress(data, PIECE)
        # zlib and isal raise errors of their own, which share no base but Exception.
        except Exception as error:  # noqa: BLE001
            raise BodyError(f"the compressed body is damaged ({type(error).__name__})") from None

    def finish(self) -> None:
        """Check that the last member ended; nothing at all is not gzip either."""
        if not self.inflater.eof:
            raise BodyError("the compressed body is cut")


@attrs.define
class _Pace:
    """Refuses a body that trickles: a byte now and then must not hold a caller for minutes.

    Only time spent waiting for the server counts, not that of a slow consumer.
    """

    idle_timeout: float | None
    waited: float = 0.0
    received: int = 0

    async def next_chunk(self, content: aiohttp.StreamReader) -> bytes:
        if content.at_eof() and content.exception() is None:
            return b""
        began = time.monotonic()
        if self.idle_timeout is None:
            chunk = await content.readany()
        else:
            async with asyncio.timeout(self.idle_timeout):
                chunk = await content.readany()
        self.waited += time.monotonic() - began
        self.received += len(chunk)
        if chunk and self.waited > GRACE and self.received < MIN_BYTES_PER_SECOND * self.waited:
            # It takes longer than GRACE: the test is in `make slow`.
            raise SlowBodyError(  # pragma: no cover
                f"{self.received} bytes in {self.waited:.0f} s"
            )
        return chunk


async def read_response(call: Call, answer: aiohttp.ClientResponse, max_bytes: int) -> Response:
    """Read a response to its end, of an error no more than the request wants."""
    if 200 <= answer.status < 300:
        if not answer.headers.get("Content-Type") == call.headers["Accept"] == JSON:
            check_head(call, answer)
        if answer.content.is_eof() and "Content-Encoding" not in answer.headers:
            body = answer.content.read_nowait()  # all of it came with the head
        else:
            body = await _whole_body(answer, max_bytes)
        if len(body) > max_bytes:
            raise BodyTooLargeError
    else:
        body = await _first_bytes(answer, min(max_bytes, call.request.error_bytes))
    if call.observer:
        call.observer.note_response(answer.status, len(body))
    return Response(answer.status, Headers(answer.headers), body)


def check_head(call: Call, answer: aiohttp.ClientResponse) -> None:
    """Check the head of a successful answer; one that is not JSON must also say where it ends.

    JSON that was cut does not parse; of CSV and text nobody could tell.
    """
    accept, headers = call.headers["Accept"], answer.headers
    if headers.get("Content-Type") != accept:
        check_content_type(stated_type(headers), accept)
    if accept != JSON and answer.status == 200:
        _check_end(answer)


async def body_chunks(
    answer: aiohttp.ClientResponse, idle_timeout: float | None = None
) -> AsyncGenerator[bytes]:
    """Yield the body in pieces, decompressed.

    Raises:
        BodyError: when it is cut or damaged, or packed in a way that was not asked for.
        SlowBodyError: when it comes at less than 256 bytes a second after the first ten seconds.
        TimeoutError: when nothing comes for `idle_timeout` seconds.
    """
    gzip = _Gzip() if _is_packed(answer) else None
    pace = _Pace(idle_timeout)
    while chunk := await pace.next_chunk(answer.content):
        for piece in gzip.feed(chunk) if gzip else (chunk,):
            yield piece
    if gzip and _may_have_body(answer):
        gzip.finish()


async def _whole_body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read the body to its end.

    Raises:
        BodyTooLargeError: when it is larger than `max_bytes` after decompression.
        BodyError, SlowBodyError: as `body_chunks`.
    """
    gzip = _Gzip() if "Content-Encoding" in answer.headers and _is_packed(answer) else None
    pace, size, first = _Pace(None), 0, b""
    body: io.BytesIO | None = None
    while chunk := await pace.next_chunk(answer.content):
        for piece in gzip.feed(chunk) if gzip else (chunk,):
            size += len(piece)
            if size > max_bytes:
                raise BodyTooLargeError
            if size == len(piece):
                first = piece
                continue
            body = body or io.BytesIO()  # hands its bytes out without a second copy
            if first:
                body.write(first)
                first = b""
            body.write(piece)
    if gzip and _may_have_body(answer):
        gzip.finish()
    return first if body is None else body.getvalue()


async def _first_bytes(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read the body to its end, or at most its first bytes; raises as `body_chunks`."""
    body = bytearray()
    async with aclosing(body_chunks(answer)) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > most:
                break
    return bytes(body[:most])


def _check_end(answer: aiohttp.ClientResponse) -> None:
    """Check that the body says where it ends.

    Raises:
        BodyError: when only the end of the connection would, which a cut looks just like.
    """
    headers = answer.headers
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    if not (chunked or "Content-Length" in headers or _is_packed(answer)):
        raise BodyError("the answer does not say where it ends, so it may be cut")


def _is_packed(answer: aiohttp.ClientResponse) -> bool:
    """Whether the body is gzip; anything else than gzip or plain was not asked for."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"gzip", "x-gzip", "identity", ""}:
        raise BodyError("the body is packed in a way that was not asked for")
    return "gzip" in coding


def _may_have_body(answer: aiohttp.ClientResponse) -> bool:
    return answer.method != "HEAD" and answer.status not in {204, 304}
