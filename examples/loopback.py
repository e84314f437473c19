"""What the examples stand on: a Redis, workers and an embedded PostHog of their own."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

HERE = Path(__file__).parent


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def answers(port: int) -> bool:
    """Wait until something listens on a port, at most 20 seconds."""
    with anyio.move_on_after(20):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return True
            except OSError:
                await anyio.sleep(0.05)
    return False


@asynccontextmanager
async def redis_server() -> AsyncGenerator[str]:
    """Start a Redis for the time of a block, and give its URL."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("this example needs redis-server")
    port = free_port()
    with TemporaryDirectory() as folder:
        words = [program, "--port", str(port), "--save", "", "--dir", folder]
        with started(words):
            if not await answers(port):
                sys.exit("redis-server does not answer")
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def started(words: list[str], **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program for the time of a block, and stop it then."""
    path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(  # noqa: S603 - the examples start their own programs
        words,
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
