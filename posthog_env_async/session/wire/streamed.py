"""One exchange whose body is handed out as it comes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import aiohttp

from posthog_env_async.errors import APITimeoutError, ConfigurationError
from posthog_env_async.session.call import Call
from posthog_env_async.session.limits import Permit
from posthog_env_async.session.response import Headers, Response

from .connection_pool import ConnectionPool
from .response_body import body_chunks, check_head, read_response
from .transport import Transport, UntilClosed
from .transport_errors import FAULTS, closed_meanwhile, map_error

__all__ = ["streamed"]


@asynccontextmanager
async def streamed(
    transport: Transport, call: Call, permit: Permit
) -> AsyncGenerator[tuple[Response, AsyncGenerator[bytes]]]:
    """Send a request once and hand out the body as it comes.

    An error answer is read whole; no piece follows.
    """
    async with AsyncExitStack() as stack:
        answer, head = await _open(stack, transport, call, permit)
        transport.answers.add(answer)
        stack.callback(transport.answers.discard, answer)
        chunks = _chunks(transport, call, answer)
        yield head, await stack.enter_async_context(aclosing(chunks))


async def _open(
    stack: AsyncExitStack, transport: Transport, call: Call, permit: Permit
) -> tuple[aiohttp.ClientResponse, Response]:
    try:
        with UntilClosed(transport):
            await _take_slot(stack, transport, call.timeout)
            pool = transport.take_pool(permit)
            stack.push_async_callback(_leave, pool)
            async with asyncio.timeout(call.timeout):
                answer = await stack.enter_async_context(transport.send(pool, call, None))
                return answer, await _head(transport, call, answer)
    except ConfigurationError:
        raise
    except FAULTS as fault:
        failure = map_error(fault, call.request, call.url)
    else:
        failure = closed_meanwhile()
    raise failure


async def _take_slot(stack: AsyncExitStack, transport: Transport, seconds: float) -> None:
    slots = transport.check_open().streams
    try:
        async with asyncio.timeout(seconds):
            await slots.acquire()
    except TimeoutError:
        pass
    else:
        stack.callback(slots.release)
        return
    raise APITimeoutError(
        f"{transport.max_connections} streams are open and none ended; raise max_connections",
        retryable=False,
        sent=False,
    )


async def _head(transport: Transport, call: Call, answer: aiohttp.ClientResponse) -> Response:
    if not 200 <= answer.status < 300:
        return await read_response(call, answer, transport.max_bytes)
    check_head(call, answer)
    return Response(answer.status, Headers(answer.headers), b"")


async def _chunks(
    transport: Transport, call: Call, answer: aiohttp.ClientResponse
) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(body_chunks(answer, call.timeout)) as chunks:
            async for chunk in chunks:
                yield chunk
    except FAULTS as fault:
        failure = map_error(fault, call.request, call.url)
    else:
        return
    raise closed_meanwhile() if transport.closed else failure


async def _leave(pool: ConnectionPool) -> None:
    pool.busy -= 1
    if pool.retired:
        await pool.close_idle()
