"""A real nginx before the embedded server: a keep-alive that just expires, restarts, reloads."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL

import anyio
import attrs
import pytest

from posthog_env_async import Backoff, PostHogEnv, PostHogError
from posthog_env_async.testing import FakePostHog

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
SECONDS = float(os.environ.get("POSTHOG_ENV_NGINX_SECONDS", "60"))
RESTARTS = 20
KEEP_ALIVE = "1s"

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_types application/json text/csv;
    keepalive_timeout {keep_alive};
    keepalive_requests 50;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_next_upstream off;
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


@attrs.define
class Nginx:
    """An nginx that can be stopped hard, started and reloaded."""

    folder: Path
    port: int
    process: "asyncio.subprocess.Process | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        assert NGINX is not None
        self.process = await asyncio.create_subprocess_exec(
            *(NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")),
            stderr=DEVNULL,
        )
        with anyio.fail_after(10):
            while not await answers(self.port):
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@asynccontextmanager
async def in_front_of(fake: FakePostHog, folder: Path) -> AsyncIterator[Nginx]:
    nginx = Nginx(folder, free_port())
    settings = {"folder": folder, "port": nginx.port, "upstream": fake.url}
    text = CONFIGURATION.format(**settings, keep_alive=KEEP_ALIVE)
    (folder / "nginx.conf").write_text(text)
    await nginx.start()
    try:
        yield nginx
    finally:
        await nginx.stop()


@attrs.define
class Load:
    """Mixed load until told to stop, and what became of it."""

    env: PostHogEnv
    reads: int = 0
    writes: int = 0
    unknown: int = 0
    errors: list[str] = attrs.field(factory=list)
    done: bool = False
    sent: list[str] = attrs.field(factory=list)

    async def read(self, number: int) -> None:
        while not self.done:
            try:
                await self._read_once(number)
            except PostHogError as error:
                self.errors.append(f"{type(error).__name__}: {error}")
            self.reads += 1
            # Around the keep-alive's end, so that connections die just as they are used.
            await asyncio.sleep((0.0, 0.05, 0.99, 1.0, 1.01)[self.reads % 5])

    async def _read_once(self, number: int) -> None:
        if number % 3 == 0:
            people = await self.env.persons.list(page_size=500, prefetch=4).collect()
            assert len({person.uuid for person in people}) == len(people) == 2_500
        elif number % 3 == 1:
            await self.env.persons.list(page_size=10).page()
        else:
            await self.env.persisted_folders.list().collect()

    async def write(self, number: int) -> None:
        folder = await self.env.persisted_folders.create("home")
        while not self.done:
            path = f"{number}-{self.writes}"
            self.writes += 1
            self.sent.append(path)
            try:
                await self.env.persisted_folders.update(folder.id, path=path)
            except PostHogError:
                self.unknown += 1
            await asyncio.sleep((0.0, 0.3, 1.0)[self.writes % 3])


@pytest.mark.parametrize("how", ["restart", "reload"])
async def test_restarts_under_load_cost_reads_nothing_and_no_write_arrives_twice(
    how: str, tmp_path: Path
) -> None:
    policy = Backoff(max_attempts=8, base=0.1, cap=2.0)
    async with FakePostHog(persons=2_500, mode="routes") as fake:
        async with in_front_of(fake, tmp_path) as nginx:
            settings = {"host": nginx.url, "backoff": policy, "limits": None, "timeout": 10.0}
            async with PostHogEnv(1, api_key=fake.key, **settings) as env:
                load = Load(env)
                tasks = [asyncio.ensure_future(load.read(number)) for number in range(6)]
                tasks += [asyncio.ensure_future(load.write(number)) for number in range(2)]
                for _ in range(RESTARTS):
                    await asyncio.sleep(SECONDS / RESTARTS)
                    if how == "restart":
                        await nginx.stop()
                        await nginx.start()
                    else:
                        nginx.reload()
                load.done = True
                await asyncio.gather(*tasks)
        arrived = [seen.body for seen in fake.requests if seen.method == "PATCH"]

    print(f"\n{how}: {load.reads} reads, {len(load.errors)} errors; {load.writes} writes,")  # noqa: T201
    print(f"{len(arrived)} arrived, {load.unknown} reported as unknown; {env.retries} retries")  # noqa: T201
    assert load.errors == []
    assert len(arrived) == len({str(body) for body in arrived})
    assert load.writes - load.unknown <= len(arrived) <= load.writes
