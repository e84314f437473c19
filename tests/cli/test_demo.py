"""The demo, as a new user sees it: from its own server to its verdict."""

import re

import pytest

pytest.importorskip("cyclopts")

from cli_runs import on_a_real_terminal

NUMBERS = ("persons", "distinct", "retries", "verdict")


async def test_the_demo_pages_is_killed_resumes_and_verifies() -> None:
    code, text = await on_a_real_terminal(None, "demo", "--persons", "8000", columns=120)

    found = re.findall(rf"^({'|'.join(NUMBERS)}) {{2,}}(.*?)\s*$", text, re.MULTILINE)
    assert code == 0, text
    assert dict(found) == {
        "persons": "8,000",
        "distinct": "8,000",
        "retries": "1",
        "verdict": "complete: everyone, each once",
    }
    assert "sample" in text
    assert "OK: 8,000 persons" in text
    # On a line of its own, below what the killed process was drawing.
    assert re.search(r"^kill -9: the checkpoint knows of", text, re.MULTILINE)
