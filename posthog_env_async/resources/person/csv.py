"""The server's own CSV of persons: streamed, counted, and known to be whole."""

import warnings
from collections.abc import AsyncGenerator
from contextlib import aclosing

import attrs

from posthog_env_async.errors import (
    APIConnectionError,
    EndpointNotAvailableError,
    ResponseDecodeError,
    TruncatedCSVWarning,
)
from posthog_env_async.resources.project_scope import ProjectScope
from posthog_env_async.session import Request, request_url, stream

__all__ = ["single_csv", "stream_csv"]

CUT = "the CSV is cut: it does not end with the end of a line"
CSV_CUTS = (10_000, 50_000, 300_000)


async def stream_csv(project: ProjectScope, request: Request) -> AsyncGenerator[bytes]:
    """Yield the pieces of a CSV, and warn where it has as many rows as servers cut it at."""
    counter = _CSVRows()
    async with aclosing(stream(project.session, request)) as pieces:
        async for piece in pieces:
            counter.feed(piece)
            yield piece
            del piece  # so that no traceback with locals shows it
    if not counter.is_whole:
        raise APIConnectionError(CUT, method=request.method)
    if counter.rows in CSV_CUTS:
        warnings.warn(
            f"the CSV has {counter.rows} rows, where servers cut it: rows are probably missing;"
            " use persons.list() or posthog_env_async.export",
            TruncatedCSVWarning,
            stacklevel=2,
        )


async def single_csv(project: ProjectScope, request: Request) -> bytes:
    """Return the CSV of one person.

    Raises:
        EndpointNotAvailableError: when the server answers nothing.
    """
    body = await project.session.fetch(request, _whole_csv)
    if not body:
        url = request_url(project.session.address, request, project.session.prefix)
        raise EndpointNotAvailableError(
            "this server has no CSV of a single person; use persons.get(id)",
            status=200,
            detail="empty CSV",
            method=request.method,
            url=str(url.with_query(None)),
        )
    return body


def _whole_csv(body: bytes) -> bytes:
    if body and not body.endswith(b"\n"):
        raise ResponseDecodeError(CUT, retryable=True)
    return body


@attrs.define
class _CSVRows:
    """Counts the rows of a CSV that comes in pieces; a quoted cell may hold line ends."""

    quoted: bool = False
    lines: int = 0
    is_whole: bool = True

    def feed(self, piece: bytes) -> None:
        self.is_whole = piece.endswith(b"\n") if piece else self.is_whole
        for number, part in enumerate(piece.split(b'"')):
            if number:
                self.quoted = not self.quoted
            if not self.quoted:
                self.lines += part.count(b"\n")

    @property
    def rows(self) -> int:
        return max(0, self.lines - 1)
