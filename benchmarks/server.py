"""The page server of the benchmarks: raw asyncio in its own process, whole answers kept ready."""

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import socket
import sys
from collections import OrderedDict
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field

from .rows import Rows
from .shapes import SHAPES

__all__ = ["KEY", "Answers", "PageServer", "main"]

KEY = "phx_benchmarks_0000000000000000000000000000"
_MISSING = (
    b'{"type":"invalid_request","code":"not_found","detail":"Endpoint not found.","attr":null}'
)
_REFUSED = (
    b'{"type":"authentication_error","code":"not_authenticated",'
    b'"detail":"Authentication credentials were not provided.","attr":null}'
)
_KEY_INFO = {"label": "benchmarks", "scopes": ["*"], "scoped_teams": [], "scoped_organizations": []}


@define
class Answers:
    """Whole HTTP answers by target; beyond `capacity` bytes those not used for longest go."""

    rows: Rows
    base: str
    gzip_level: int = 0
    capacity: int = 2 << 30
    held: int = field(default=0, init=False)
    _kept: OrderedDict[tuple[str, bool], bytes] = field(
        factory=OrderedDict[tuple[str, bool], bytes], init=False
    )

    def answer(self, target: str, *, packed: bool) -> bytes:
        """Give the whole answer, headers and body, to GET `target`."""
        key = (target, packed and self.gzip_level > 0)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        answer = self._build(target, packed=key[1])
        self._kept[key] = answer
        self.held += len(answer)
        while self.held > self.capacity and len(self._kept) > 1:
            self.held -= len(self._kept.popitem(last=False)[1])
        return answer

    def _build(self, target: str, *, packed: bool) -> bytes:
        body = self._body(target)
        if body is None:
            return _http(404, _MISSING)
        if packed:
            return _http(200, gzip.compress(body, self.gzip_level), "Content-Encoding: gzip\r\n")
        return _http(200, body)

    def _body(self, target: str) -> bytes | None:
        parts = urlsplit(target)
        match parts.path.rstrip("/").split("/"):
            case ["", "api", "projects" | "environments", _, "persons"]:
                return self._page(parts.path, dict(parse_qsl(parts.query)))
            case ["", "api", "projects" | "environments", _, "persons", who]:
                return self.rows.window(int(who[-12:], 16), 1)[0]
            case ["", "api", "projects"]:
                return b'{"count":1,"next":null,"previous":null,"results":[{"id":1}]}'
            case ["", "api", "personal_api_keys", "@current"]:
                return json.dumps(_KEY_INFO).encode()
            case _:
                return None

    def _page(self, path: str, query: dict[str, str]) -> bytes:
        limit, offset = int(query.get("limit") or 100), int(query.get("offset") or 0)
        rows, count = self.rows.window(offset, limit)
        following = None
        if count >= limit:
            text = urlencode(query | {"limit": limit, "offset": offset + limit})
            following = f"{self.base}{path}?{text}"
        total = f',"count":{self.rows.total}' if "include_total" in query else ""
        tail = f'],"next":{json.dumps(following)},"previous":null{total}}}'
        return b'{"results":[' + rows + tail.encode()


@define
class PageServer:
    """Serve `answers` on one listening socket, `latency` seconds a page; count pages and bytes."""

    answers: Answers
    latency: float = 0.0
    requests: int = 0
    sent: int = 0
    _connections: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]], init=False)

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._converse(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _converse(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        received = b""
        # A client that goes away between two pages ends the conversation: nothing to report.
        with connection, contextlib.suppress(ConnectionError):
            while True:
                while b"\r\n\r\n" not in received:
                    data = await loop.sock_recv(connection, 65_536)
                    if not data:
                        return
                    received += data
                head, _, received = received.partition(b"\r\n\r\n")
                await loop.sock_sendall(connection, await self._respond(head.decode("latin-1")))

    async def _respond(self, head: str) -> bytes:
        target = head.split(" ", 2)[1]
        if (told := self._control(target)) is not None:
            return _http(200, told)
        if f"Bearer {KEY}" not in head:
            return _http(401, _REFUSED)
        if self.latency:
            await asyncio.sleep(self.latency)
        answer = self.answers.answer(target, packed=_takes_gzip(head))
        self.requests += 1
        self.sent += len(answer)
        return answer

    def _control(self, target: str) -> bytes | None:
        """Answer what only the benchmarks ask: counts, and the delay to use from now on."""
        if target.startswith("/latency?seconds="):
            self.latency = float(target.partition("=")[2])
        elif target != "/stats":
            return None
        return json.dumps({"requests": self.requests, "sent": self.sent}).encode()


def _takes_gzip(head: str) -> bool:
    _, _, rest = head.lower().partition("\r\naccept-encoding:")
    return "gzip" in rest.partition("\r\n")[0]


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    reason = {200: "OK", 401: "Unauthorized", 404: "Not Found"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n{headers}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _capacity() -> int:
    """Give the bytes to keep: a quarter of the machine's memory, at most 3 GiB."""
    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, 3 << 30)


async def _run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    rows = Rows(options.total, size=options.size, shape=options.shape)
    answers = Answers(rows, base, gzip_level=options.gzip, capacity=_capacity())
    serving = loop.create_task(PageServer(answers).serve(listener))
    print(json.dumps({"url": base}), flush=True)
    # The parent holds our standard input: when it goes, so do we.
    await loop.run_in_executor(None, sys.stdin.read)
    serving.cancel()
    listener.close()


def main() -> None:
    """Serve until standard input closes; the first line printed names the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total", type=int, default=100_000, help="persons in the set")
    parser.add_argument("--shape", choices=SHAPES, default="short", help="what persons look like")
    parser.add_argument("--size", type=int, default=1024, help="bytes of JSON a person")
    parser.add_argument("--gzip", type=int, default=0, help="gzip level; 0 sends plain bodies")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
