"""A server of raw sockets that plays what no HTTP server would: any byte, cut, drip, stall, reset.

`FaultServer(first, second)` plays `first` for the first request and `second` for the second, and
`then` for each that follows. A play is a coroutine function that gets the connection.
"""

import asyncio
import gzip
import json
import socket
import ssl as tls
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import attrs

__all__ = [
    "PERSON",
    "FaultServer",
    "Listener",
    "Play",
    "Seen",
    "bomb",
    "chunked",
    "close",
    "cut",
    "drip",
    "http",
    "json_page",
    "play",
    "reset",
    "stall",
    "whole",
]

JSON = "application/json"
PERSON: Mapping[str, Any] = {
    "id": 1,
    "name": "n",
    "uuid": "0190f000-0000-7000-8000-000000000001",
    "distinct_ids": ["d"],
    "properties": {"email": "n@example.com"},
    "created_at": "2026-01-01T00:00:00Z",
}


@attrs.frozen
class Seen:
    """A request as it came over the wire; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@attrs.define(eq=False)
class Connection:
    """One connection of the server; `request` is the last one that came."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    request: Seen | None = None
    kept: bool = True

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.kept = False
        self.writer.close()

    def reset(self) -> None:
        self.kept = False
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Play = Callable[[Connection], Awaitable[None]]


@attrs.define(eq=False)
class FaultServer:
    """Plays in the order of the requests, and keeps what came."""

    plays: list[Play] = attrs.field(converter=list)
    then: Play | None = None
    ssl: tls.SSLContext | None = None
    requests: list[Seen] = attrs.field(factory=list, init=False)
    connections: list[Connection] = attrs.field(factory=list, init=False)
    _server: asyncio.Server | None = attrs.field(default=None, init=False)
    _tasks: set["asyncio.Task[Any]"] = attrs.field(factory=set, init=False)
    _came: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.ssl)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http{'s' if self.ssl else ''}://127.0.0.1:{self.port}"

    async def came(self, count: int) -> None:
        """Wait until so many requests came."""
        while len(self.requests) < count:
            self._came.clear()
            await self._came.wait()

    async def left(self) -> None:
        """Wait until the client has closed every connection."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, len(self.connections))
        self.connections.append(connection)
        try:
            while connection.kept and (seen := await read_request(connection)):
                self.requests.append(seen)
                self._came.set()
                connection.request = seen
                chosen = self.plays.pop(0) if self.plays else self.then
                if chosen is None:
                    connection.close()
                    break
                await chosen(connection)
        except (OSError, asyncio.IncompleteReadError):
            connection.kept = False
        finally:
            writer.transport.abort()


@attrs.define(eq=False)
class Listener:
    """A foreign place: accepts anything, answers nothing, and keeps every byte that comes."""

    received: bytearray = attrs.field(factory=bytearray, init=False)
    _server: asyncio.Server | None = attrs.field(default=None, init=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            self.received += data
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()


async def read_request(connection: Connection) -> Seen | None:
    try:
        head = await connection.reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await connection.reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body, connection.number)


# bytes


def http(
    body: bytes = b"",
    status: int | str = 200,
    *,
    kind: str | None = JSON,
    length: int | None = -1,
    packed: bool = False,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Make an answer; `length=None` leaves the length out, -1 is the right one."""
    if packed:
        body = gzip.compress(body, mtime=0)
        headers = [("Content-Encoding", "gzip"), *headers]
    if kind is not None:
        headers = [("Content-Type", kind), *headers]
    if length is not None:
        headers = [("Content-Length", str(len(body) if length == -1 else length)), *headers]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("latin-1") + body


def json_page(rows: Iterable[Mapping[str, Any]] = (PERSON,), next: str | None = None) -> bytes:
    return json.dumps({"next": next, "previous": None, "results": list(rows)}).encode()


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def bomb(gibibytes: int = 2) -> bytes:
    """Make about a megabyte of gzip a gibibyte: the same block of nothing over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, block = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "ab")
    return first + block * ((gibibytes << 10) - 1) + packer.flush()


# plays


def play(data: bytes) -> Play:
    """Send the bytes and keep the connection."""

    async def run(connection: Connection) -> None:
        await connection.send(data)

    return run


def whole(body: bytes = b"{}", status: int = 200, **how: Any) -> Play:
    """Answer as a server should."""
    return play(http(body, status, **how))


def cut(data: bytes, at: int | None = None, *, by_reset: bool = False) -> Play:
    """Send the first bytes, then close or reset."""

    async def run(connection: Connection) -> None:
        await connection.send(data[:at])
        if by_reset:
            connection.reset()
        else:
            connection.close()

    return run


def close(connection: Connection) -> Awaitable[None]:
    """Close in silence."""
    return cut(b"")(connection)


def reset(connection: Connection) -> Awaitable[None]:
    """Reset without a byte."""
    return cut(b"", by_reset=True)(connection)


def stall(data: bytes = b"") -> Play:
    """Send the bytes, then nothing for ever."""

    async def run(connection: Connection) -> None:
        await connection.send(data)
        await asyncio.Event().wait()

    return run


def drip(data: bytes, *, head: bytes = b"", every: float = 0.02, step: int = 1) -> Play:
    """Send `head` at once and the rest in tiny steps."""

    async def run(connection: Connection) -> None:
        await connection.send(head)
        for start in range(0, len(data), step):
            await connection.send(data[start : start + step])
            await asyncio.sleep(every)

    return run
