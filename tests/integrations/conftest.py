"""A Redis of the tests' own, and what starts worker processes."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONPATH = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_redis(port: int, folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder), *options],
        stdout=subprocess.DEVNULL,
    )
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.025)
    raise TimeoutError("redis-server does not answer")


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(10)


NEEDS_A_SERVER = {"redis_url", "own_redis", "cluster"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a server or a cluster: it runs in `make servers`."""
    for item in items:
        if NEEDS_A_SERVER & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


@pytest.fixture
def worker_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": PYTHONPATH}


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    pytest.importorskip("redis", reason="the extra redis is not installed")
    port = free_port()
    server = start_redis(port, tmp_path_factory.mktemp("redis"))
    yield f"redis://127.0.0.1:{port}/0"
    stop(server)
