"""A body handed out as it comes: the calls whose answers have no limit."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from posthog_env_async.errors import PostHogError

from .call import Call
from .limits import Permit
from .redirects import MAX_HOPS
from .request import Request
from .response import Response, check_status
from .session import UNOBSERVED, Session
from .wire import streamed

__all__ = ["stream"]


async def stream(session: Session, request: Request) -> AsyncGenerator[bytes]:
    """Yield the body of an answer as it comes, tried again only before the first piece.

    Raises:
        PostHogError: as `Session.fetch`; a body that is cut raises when it ends.
    """
    call, has_begun = session.begin(request), False
    with call.observer or UNOBSERVED:
        while True:
            try:
                async with aclosing(_pieces(session, call)) as pieces:
                    async for piece in pieces:
                        has_begun = True
                        yield piece
                        del piece  # so that no traceback with locals shows it
            except PostHogError as error:
                failure = error
            else:
                return
            await session.retry(call, failure, has_begun=has_begun)


async def _pieces(session: Session, call: Call) -> AsyncGenerator[bytes]:
    first, hops = call.url, 1
    while True:
        async with AsyncExitStack() as stack:

            async def exchange(
                call: Call, permit: Permit, stack: AsyncExitStack = stack
            ) -> tuple[Response, AsyncGenerator[bytes]]:
                answer = streamed(session.transport, call, permit)
                return await stack.enter_async_context(answer)

            # The permit ends with the head: the consumer may use the client while it streams.
            head, pieces = await session.send(call, exchange)
            following = session.next_url(call, first, head)
            if following is None or hops == MAX_HOPS:
                check_status(call.request, call.url, head, call.key)
                size = 0
                async for piece in pieces:
                    size += len(piece)
                    yield piece
                    del piece
                if call.observer:
                    call.observer.note_response(head.status, size)
                return
            call.url, hops = following, hops + 1
