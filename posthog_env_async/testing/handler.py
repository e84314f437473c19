"""One request from arrival to answer: read, spoil, answer, record, delay, send."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import attrs
from aiohttp import hdrs, web

from posthog_env_async.testing.http.faults import Fault, take_fault
from posthog_env_async.testing.http.request import Recorded, Request
from posthog_env_async.testing.http.response import Response
from posthog_env_async.testing.http.transport import (
    abort,
    compressed,
    cut,
    send,
    strip_content_type,
    truncate,
)

from .gates import answer_call
from .routes import find_route
from .server_state import Installation

__all__ = ["Latency", "Serving"]

MAX_BODY = 20 * 1024 * 1024
SILENT = ("reset", "disconnect", "lost")
Latency = float | tuple[float, float]


@attrs.define(kw_only=True)
class Serving:
    """Serve an installation over aiohttp."""

    site: Installation
    latency: Latency
    gzip: bool
    internal_url: str | None
    sub_path: str
    chance: Random
    requests: list[Recorded] = attrs.field(factory=list[Recorded], init=False)
    unknown: list[Recorded] = attrs.field(factory=list[Recorded], init=False)
    faults: list[Fault] = attrs.field(factory=list[Fault], init=False)
    in_flight: int = attrs.field(default=0, init=False)
    peak_in_flight: int = attrs.field(default=0, init=False)
    closing: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _previous: bytes = attrs.field(default=b"", init=False)

    def app(self) -> web.Application:
        """Build the application: one route that takes everything."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        app.on_response_prepare.append(strip_content_type)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self._serve(request)
        finally:
            self.in_flight -= 1

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        call = await self._read(request)
        fault = take_fault(self.faults, call.method, call.target)
        if fault is not None and fault.replaces:
            answer = fault.answer()
        else:
            answer = await answer_call(self.site, call)
        self._record(call, answer, fault)
        if fault is not None and fault.action == "previous":
            answer = attrs.evolve(answer, body=self._previous)
        self._previous = answer.body
        if self.gzip:
            answer = compressed(answer, request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        await self._delay(fault)
        return await self._send(request, answer, fault)

    async def _read(self, request: web.Request) -> Request:
        sent = request.rel_url.raw_path
        origin = self.internal_url or f"{request.scheme}://{request.host}"
        return Request(
            method=request.method,
            sent_path=sent,
            path=sent.removeprefix(self.sub_path) if sent.startswith(self.sub_path) else "",
            query_text=request.rel_url.raw_query_string,
            headers=request.headers,
            body=await request.read(),
            origin=origin + self.sub_path,
            root=self.sub_path,
            at=asyncio.get_running_loop().time(),
        )

    def _record(self, call: Request, answer: Response, fault: Fault | None) -> None:
        silent = fault is not None and fault.action in SILENT
        recorded = call.recorded(0 if silent else answer.status)
        self.requests.append(recorded)
        replaced = fault is not None and fault.replaces
        if not replaced and find_route(call.routed) is None:
            self.unknown.append(recorded)

    async def _delay(self, fault: Fault | None) -> None:
        latency = self.latency
        seconds = self.chance.uniform(*latency) if isinstance(latency, tuple) else latency
        if seconds > 0:
            await asyncio.sleep(seconds)
        if fault is not None and fault.action == "stall":
            await self._stall(fault.seconds)

    async def _stall(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()

    async def _send(
        self, request: web.Request, answer: Response, fault: Fault | None
    ) -> web.StreamResponse:
        action = fault.action if fault is not None else ""
        if action in SILENT:
            return abort(request, reset=action == "reset")
        if action == "truncate":
            return await truncate(request, answer)
        if fault is not None and action == "stall_body":
            return await truncate(request, answer, lambda: self._stall(fault.seconds))
        return send(cut(answer) if action == "cut" else answer)
