"""The fixtures for tests of others: opt in, with and without an event loop."""

import subprocess
import sys
from pathlib import Path

USERS_TESTS = """
import pytest

pytest_plugins = ["posthog_env_async.testing.pytest"]


@pytest.fixture
def fake_posthog_settings():
    return {"persons": 7, "mode": "routes"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_the_server_runs(fake_posthog):
    assert fake_posthog.url.startswith("http://127.0.0.1:")
    assert len(fake_posthog.uuids()) == 7


@pytest.mark.anyio
async def test_the_client_is_open(fake_posthog, posthog_env):
    ada = fake_posthog.add_person(distinct_ids=["ada"])
    persons = await posthog_env.persons.list().collect()
    assert [person.uuid for person in persons] == fake_posthog.uuids()
    assert persons[0].uuid == ada


@pytest.mark.anyio
async def test_a_misspelt_route_fails_the_test(posthog_env):
    with pytest.raises(Exception):
        await posthog_env.request("GET", "personas/")
"""


def run_tests(text: str, folder: Path) -> str:
    (folder / "test_users.py").write_text(text)
    words = ["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_fixtures_work_in_a_project_that_asks_for_them(tmp_path: Path) -> None:
    done = run_tests(USERS_TESTS, tmp_path)

    assert "3 passed, 1 error" in done, done
    assert "GET /api/environments/1/personas/" in done


AS_IT_COMES = """
pytest_plugins = ["posthog_env_async.testing.pytest"]


def test_the_server_has_a_hundred_persons(fake_posthog):
    assert len(fake_posthog.uuids()) == 100
"""


def test_the_server_has_a_hundred_persons_unless_told_otherwise(tmp_path: Path) -> None:
    done = run_tests(AS_IT_COMES, tmp_path)

    assert "1 passed" in done, done
