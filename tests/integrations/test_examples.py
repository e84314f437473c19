"""Every example runs as it stands, and says what it should."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

EXAMPLES = ROOT / "examples"


def run(name: str, environment: dict[str, str], *needs: str) -> str:
    for module in needs:
        pytest.importorskip(module, reason=f"{module} is not installed")
    if not EXAMPLES.exists():
        pytest.skip("the examples are not part of this distribution")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")],
        env=environment,
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs_redis() -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")


def test_one_person_in_an_app(worker_environment: dict[str, str]) -> None:
    said = run("fastapi_app", worker_environment, "fastapi", "httpx")

    assert [line[:3] for line in said.splitlines()] == ["200", "404"]


def test_many_look_ups_ask_for_each_id_once(worker_environment: dict[str, str]) -> None:
    said = run("lookup", worker_environment)

    assert "1001 inputs, 1000 found, 3 requests" in said
    assert "50 callers, 1 request" in said


def test_an_erasure_keeps_a_ledger_and_a_receipt(worker_environment: dict[str, str]) -> None:
    said = run("erase", worker_environment)

    assert "would erase 1500 persons in 2 requests" in said
    assert "1500 found, 1 unknown to the server" in said
    assert "run again: the same, True" in said
    assert "1500 verified, 500 persons left" in said


def test_keys_are_renewed(worker_environment: dict[str, str]) -> None:
    said = run("renewed_key", worker_environment)

    assert said.splitlines() == ["a new access token for my-app", "300 True", "300"]


def test_the_spans_of_an_export_are_shown(worker_environment: dict[str, str]) -> None:
    said = run("traced_export", worker_environment, "opentelemetry.sdk")

    assert "3000 persons" in said
    assert "  GET /api/environments/{project_id}/persons/ 503 in" in said


def test_forty_projects_are_exported_once(worker_environment: dict[str, str]) -> None:
    first, second = run("forty_projects", worker_environment).splitlines()

    assert first.startswith("40 projects, 41000 persons, 0 failed")
    assert second == "40 projects, 41000 persons, 0 failed, 0 requests"


@pytest.mark.servers
def test_taskiq_workers_export_for_an_app(worker_environment: dict[str, str]) -> None:
    needs_redis()

    said = run("taskiq_worker", worker_environment, "taskiq_redis")

    assert "20000 persons, complete: True" in said


@pytest.mark.servers
def test_a_dask_cluster_exports(worker_environment: dict[str, str]) -> None:
    needs_redis()

    said = run("dask_export", worker_environment, "distributed", "dask.bag")

    assert "20000 persons, complete: True" in said
    assert "'scale': " in said


def test_there_is_a_test_for_every_example() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}

    here = Path(__file__).read_text()

    assert all(f'"{name}"' in here for name in names - {"loopback"})
