"""The demo, as a new user sees it: from its own server to its verdict."""

import pytest

pytest.importorskip("cyclopts")

from cli_runs import ran_in_process


async def test_the_demo_pages_is_killed_resumes_and_verifies() -> None:
    done = await ran_in_process(None, "demo", "--persons", "8000")

    said = {line[:28].strip(): line[28:].strip() for line in done.lines() if line.strip()}
    assert done.code == 0, done.err
    assert said["persons"] == said["distinct"] == "8,000"
    assert said["retries"] == "1"
    assert said["verdict"] == "complete: everyone, each once"
    assert "sample" in done.err
    assert "kill -9" in done.err
    assert "OK: 8,000 persons" in done.err
