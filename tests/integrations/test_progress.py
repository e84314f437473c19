"""The progress of a listing, on a terminal and in a notebook."""

import io

import pytest

from listings import read_while_rows_vanish
from posthog_env_async import Backoff, PostHogEnv
from posthog_env_async.integrations.progress import notebook_progress, terminal_progress
from posthog_env_async.testing import FakePostHog, Fault
from sessions import client


async def test_the_terminal_shows_rows_requests_and_the_verdict(fake: FakePostHog) -> None:
    console = pytest.importorskip("rich.console", reason="the extra cli is not installed")
    fake.faults.append(Fault(503))
    screen = io.StringIO()
    terminal = console.Console(file=screen, force_terminal=True, width=100)

    with terminal_progress(console=terminal) as watch:
        async with client(fake, observer=watch) as env:
            await env.persons.list(page_size=1_000).collect()

    assert "2,500 rows" in screen.getvalue()
    assert "1 retry" in screen.getvalue()
    assert "complete" in screen.getvalue().splitlines()[-1]


async def test_the_terminal_shows_seams_that_were_repaired(fake: FakePostHog) -> None:
    console = pytest.importorskip("rich.console", reason="the extra cli is not installed")
    screen = io.StringIO()

    with terminal_progress(console=console.Console(file=screen, width=100)) as watch:
        async with client(fake, observer=watch) as env:
            await read_while_rows_vanish(env, fake)

    assert "seam" in screen.getvalue()


async def test_the_notebook_shows_one_line_of_html(
    fake: FakePostHog, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    fake.faults.append(Fault(429, headers={"Retry-After": "0.1"}))
    watch = notebook_progress()

    once = Backoff(base=0.0)
    async with PostHogEnv(1, api_key=fake.key, host=fake.url, observer=watch, backoff=once) as env:
        await env.persons.list(page_size=1_000).collect()

    assert "2,500 rows" in watch.text()  # type: ignore[attr-defined]
    assert "HTML" in capsys.readouterr().out
